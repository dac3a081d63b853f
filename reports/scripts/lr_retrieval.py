"""What can be retrieved from a 16x16 face: identity, appearance, or neither.

    python reports/scripts/lr_retrieval.py FACE_REF --pack PACK [--encoder FILE] [--cache FILE.npz]
        [--probes 400] [--splits val test] [--stock] [--out reports]

Probes are drawn from FACE_REF's held-out splits with a fixed seed, the pool is its whole train
split, five faces of other people are retrieved for each, and the measures are

- the mean cosine of the *true* embeddings (of the HR faces) of the probe and of the five retrieved;
- the share of the five truly nearest faces that is among the fifty that score best;
- the correlation of the 16x16 faces of the probe and of the five.

Embeddings are not published, so they are computed again with the pack of the build; `--cache` keeps
them (in a temporary place: they are made from faces). The encoder is the one in FACE_REF or
`--encoder`. It has seen no face of val or test, but val chose its weights: `--splits test` has no
such part. Writes `lr_retrieval.json` and `lr_retrieval.md` to `--out`: numbers only.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceref.audit.images import image_features
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import LR_ENCODER, SPLITS
from faceref.embed.base import Embedder
from faceref.embed.registry import open_embedder
from faceref.errors import FaceRefError
from faceref.files import replacing, write_json, write_text
from faceref.lr_encoder.model import embed_lr, load_encoder
from faceref.lr_encoder.retrieval import REFERENCES, retrieve
from faceref.lr_encoder.training import LrFaces
from faceref.markdown import markdown_table
from faceref.similarity.vectors import Vectors, appearance

COLUMNS = ("true cosine of the 5 retrieved", "recall of the nearest 5 in 50", "LR correlation")
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class SetFaces:
    """All faces of a set, train first, then val, then test; arrays have one entry a face."""

    image_ids: np.ndarray
    people: np.ndarray
    """Labels of people, or of their components where the set has these."""
    splits: np.ndarray
    thumbnails: np.ndarray
    """uint8 RGB (N, 16, 16, 3)."""
    embeddings: np.ndarray
    """L2-normalised float32 (N, D), of the HR faces."""

    def take(self, rows: np.ndarray) -> SetFaces:
        """The faces of `rows`, a mask or places."""
        return SetFaces(*(getattr(self, field.name)[rows] for field in fields(self)))

    def of(self, *splits: str) -> SetFaces:
        """The faces of `splits`."""
        return self.take(np.isin(self.splits, splits))

    def labelled(self) -> LrFaces:
        """What an encoder is trained on, or chosen by."""
        return LrFaces(self.thumbnails, self.embeddings, self.people)

    def __len__(self) -> int:
        return len(self.image_ids)


def read_faces(
    face_ref: FaceRef,
    embedder: Embedder | None,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> SetFaces:
    """Every face of a set at 16x16, with its embedding by the embedder of the build.

    Args:
        face_ref: The set.
        embedder: That of the build; None where `cache` exists.
        cache: A file (.npz) that keeps the result, for this set alone.
        progress: Is given the images done and all images.

    Raises:
        FaceRefError: For another embedder, or a cache of another set.
    """
    if cache is not None and cache.exists():
        return _read(cache, face_ref)
    if embedder is None:
        raise FaceRefError(f"No cache at {cache}: give the embedder of the build.")
    features = image_features(face_ref, embedder, progress)
    assert features.embeddings is not None
    split_by = face_ref.manifest["split_rule"]["by"]
    image_ids, people, splits = (
        np.array([value for split in SPLITS for value in face_ref.column(split, name)])
        for name in ("image_id", split_by, "split")
    )
    faces = SetFaces(image_ids, people, splits, features.thumbnails, features.embeddings)
    if cache is not None:
        content = {field.name: getattr(faces, field.name) for field in fields(faces)}
        with replacing(cache) as temporary, temporary.open("wb") as file:
            np.savez(file, fingerprint=face_ref.manifest["fingerprint"], **content)
    return faces


def _read(cache: Path, face_ref: FaceRef) -> SetFaces:
    try:
        with np.load(cache) as content:
            found = str(content["fingerprint"])
            faces = SetFaces(*(content[field.name] for field in fields(SetFaces)))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FaceRefError(
            f"{cache} is no cache of LR faces ({type(error).__name__}). Delete it."
        ) from error
    if found != face_ref.manifest["fingerprint"]:
        raise FaceRefError(f"{cache} is of another set. Delete it, or name another file.")
    return faces


@dataclass(frozen=True, eq=False)
class Trial:
    """Probes, pool, and who may not be retrieved for whom."""

    probes: SetFaces
    pool: SetFaces
    same: np.ndarray
    """Of one person, bool (P, N)."""

    @classmethod
    def draw(cls, faces: SetFaces, splits: list[str], count: int, seed: int) -> Trial:
        """`count` probes of `splits` at random."""
        held_out, pool = faces.of(*splits), faces.of("train")
        rows = np.random.default_rng(seed).permutation(len(held_out))[:count]
        probes = held_out.take(np.sort(rows))
        return cls(probes, pool, probes.people[:, None] == pool.people[None])


def stock(embedder: Embedder, thumbnails: np.ndarray) -> np.ndarray:
    """Embeddings that the stock embedder gives for the upsampled LR faces."""
    large = [
        np.asarray(Image.fromarray(face).resize((128, 128), Image.Resampling.BICUBIC))
        for face in thumbnails
    ]
    return embedder.embed(np.stack(large))


def grey(thumbnails: np.ndarray) -> np.ndarray:
    """Faces whose three colours are the luma of BT.601."""
    luma = thumbnails @ np.array([0.299, 0.587, 0.114])
    return np.repeat(np.rint(luma)[..., None], 3, -1).astype(np.uint8)


def queries(
    trial: Trial, predicted: Vectors, embedder: Embedder | None
) -> Iterator[tuple[str, Vectors]]:
    """Each row of the table: what is searched for and what is searched in."""
    probes, pool = trial.probes, trial.pool
    hr = Vectors(probes.embeddings, pool.embeddings)
    appearances = Vectors(appearance(probes.thumbnails), appearance(pool.thumbnails))
    noise = np.random.default_rng(1)
    yield "HR embedding (upper bound)", hr
    yield "encoder, 16x16 face", predicted
    yield "encoder + LR appearance", both(predicted, appearances)
    yield "HR embedding + LR appearance", both(hr, appearances)
    yield "LR appearance, RGB", appearances
    plain = Vectors(appearance(grey(probes.thumbnails)), appearance(grey(pool.thumbnails)))
    yield "LR appearance, grey", plain
    if embedder is not None:
        yield (
            "stock embedder, upsampled 16x16 face",
            Vectors(stock(embedder, probes.thumbnails), pool.embeddings),
        )
    yield "random", Vectors(*(noise.normal(size=(len(side), 64)) for side in (probes, pool)))


def both(identity: Vectors, appearances: Vectors) -> Vectors:
    """Equal z-scores of the two."""
    spreads = [(side.queries @ side.keys.T).std() for side in (identity, appearances)]
    return Vectors(
        np.hstack([identity.queries / spreads[0], appearances.queries / spreads[1]]),
        np.hstack([identity.keys, appearances.keys]),
    )


def score(trial: Trial, vectors: Vectors) -> dict[str, list[float]]:
    """The three measures, each with the half-width of its 95 % bootstrap interval."""
    probes, pool = trial.probes, trial.pool
    found = retrieve(vectors.queries, vectors.keys, probes.embeddings, pool.embeddings, trial.same)
    chosen = appearance(pool.thumbnails)[found.rows]
    correlation = np.einsum("pkv,pv->pk", chosen, appearance(probes.thumbnails)).mean(1)
    measured = zip(COLUMNS, (found.cosine, found.recall, correlation), strict=True)
    return {name: _with_interval(values) for name, values in measured}


def _with_interval(values: np.ndarray) -> list[float]:
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return [round(float(values.mean()), 4), round(float(high - low) / 2, 4)]


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = [
        "# Retrieval from a 16x16 face",
        "",
        f"Each of {report['probes']} faces of {' and '.join(report['splits'])}, the probes, "
        f"retrieves {REFERENCES} of the {report['pool']:,} faces of train, of other people only. "
        "The true cosine compares the HR embeddings of the probe and of the faces retrieved. "
        f"Recall is the share of the {REFERENCES} truly nearest faces that is among the 50 best. "
        "The LR correlation compares the 16x16 faces. "
        "Made by `reports/scripts/lr_retrieval.py`, which says how. "
        "± is half of the 95 % bootstrap interval over probes.",
        "",
    ]
    rows = [
        [name, *(f"{mean:.3f} ± {half:.3f}" for mean, half in measures.values())]
        for name, measures in report["rows"].items()
    ]
    lines += markdown_table(["query", *COLUMNS], rows)
    own = report["cosine_to_own_embedding"]
    size = f"{report['encoder_bytes'] / 1e6:.2f} MB"
    lines += [
        "",
        f"Cosine of what the encoder predicts to the probe's own embedding: {own:.3f}. "
        f"The encoder's file has {size}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table, write the report."""
    parser = argparse.ArgumentParser(description="Retrieval from a 16x16 face.")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--pack", help="insightface model pack of the build")
    parser.add_argument("--encoder", type=Path, help="default: the one in FACE_REF")
    parser.add_argument("--cache", type=Path, help="file (.npz) to keep embeddings in")
    parser.add_argument("--probes", type=int, default=400)
    parser.add_argument("--splits", nargs="+", default=["val", "test"], choices=["val", "test"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stock", action="store_true", help="try the stock embedder, too")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    face_ref = FaceRef.open(given.face_ref)
    embedder = open_embedder("insightface", pack=given.pack) if given.pack else None
    faces = read_faces(face_ref, embedder, cache=given.cache)
    trial = Trial.draw(faces, given.splits, given.probes, given.seed)
    file = given.encoder or given.face_ref / LR_ENCODER
    predicted = embed_lr(load_encoder(file), trial.probes.thumbnails)
    rows = queries(
        trial, Vectors(predicted, trial.pool.embeddings), embedder if given.stock else None
    )
    report = {
        "fingerprint": face_ref.manifest["fingerprint"],
        "splits": given.splits,
        "seed": given.seed,
        "probes": len(trial.probes),
        "pool": len(trial.pool),
        "encoder_bytes": file.stat().st_size,
        "cosine_to_own_embedding": round(
            float(np.einsum("nd,nd->n", predicted, trial.probes.embeddings).mean()), 4
        ),
        "rows": {name: score(trial, vectors) for name, vectors in rows},
    }
    given.out.mkdir(parents=True, exist_ok=True)
    write_json(given.out / "lr_retrieval.json", report)
    page = markdown(report)
    write_text(given.out / "lr_retrieval.md", page)
    print(page)


if __name__ == "__main__":
    main()
