"""The second half of a build: split, mine and write, from the finished parts of all images."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

import faceref
from faceref import card, store
from faceref.calibrate import Bound, calibrate
from faceref.certificate import certify
from faceref.duplicates import as_hashes
from faceref.embed.base import Embedder
from faceref.errors import UnusableError
from faceref.mine import Faces, appearance, mine, open_search, random_similarity
from faceref.parts import Workshop
from faceref.people import People, find_people
from faceref.sources.base import Source
from faceref.split import split_identities

if TYPE_CHECKING:
    from faceref.pipeline import Recipe

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def assemble(
    workshop: Workshop,
    parts: int,
    source: Source,
    embedder: Embedder,
    recipe: Recipe,
    out: Path,
    device: str,
) -> dict[str, Any]:
    """Write Face_Ref to the new folder `out` and return its manifest."""
    table = workshop.read(parts)
    rejects = _rejects(table, source.name)
    used = table.filter(_rejected(table, False))
    if used.num_rows == 0:
        reasons = Counter(row["reason"] for row in rejects)
        raise UnusableError(
            f"None of the {table.num_rows} images has a usable face: "
            + ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            + ". Check that the images are photographs of faces, or lower the limits of the build."
        )
    people = _find_people(used, recipe, device)
    rows = _rows(used, source.name, people, split_identities(people.components, recipe.split))
    bound = _mine_all(rows, used, people, recipe, device)
    manifest = _manifest(rows, rejects, source, embedder, recipe, bound)
    manifest["thresholds"]["same_person"] = people.same_person.manifest()
    manifest["people"] = people.manifest()
    manifest["random_similarity_mean"] = round(
        float(random_similarity(_matrix(used), people.components, recipe.split.seed).mean()), 4
    )
    _write(out, rows, rejects, manifest, workshop, parts)
    store.write_findings(out, *_findings(people, [row["image_id"] for row in rows]))
    return manifest


def _find_people(used: pa.Table, recipe: Recipe, device: str) -> People:
    return find_people(
        used["identity"].to_pylist(),
        used["sha256"].to_pylist(),
        as_hashes(used["hashes"].to_pylist()),
        _matrix(used),
        seed=recipe.split.seed,
        same_person=recipe.same_person,
        device=device,
    )


def _rejected(table: pa.Table, wanted: bool) -> pa.Array:
    return pa.array([(reason is not None) == wanted for reason in table["reject"].to_pylist()])


def _rejects(table: pa.Table, source: str) -> list[dict[str, str]]:
    rows = (
        table.filter(_rejected(table, True)).select(["image_id", "identity", "reject"]).to_pylist()
    )
    return [
        {
            "image_id": row["image_id"],
            "source": source,
            "identity": row["identity"],
            "reason": row["reject"].partition(": ")[0],
            "detail": row["reject"].partition(": ")[2],
        }
        for row in rows
    ]


def _matrix(table: pa.Table) -> np.ndarray:
    flat = table["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(flat.reshape(table.num_rows, -1), np.float32)


def _thumbnails(table: pa.Table) -> np.ndarray:
    joined = b"".join(table["thumbnail"].to_pylist())
    return np.frombuffer(joined, np.uint8).reshape(-1, 16, 16, 3)


def _rows(
    used: pa.Table, source: str, people: People, split: dict[str, str]
) -> list[dict[str, Any]]:
    columns = used.select(["image_id", "sha256", "landmarks", "quality"]).to_pylist()
    who = zip(people.identities, people.components, strict=True)
    return [
        {
            **row,
            "source": source,
            "identity": identity,
            "component": component,
            "split": split[component],
        }
        for row, (identity, component) in zip(columns, who, strict=True)
    ]


def _findings(
    people: People, ids: Sequence[str]
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The rows of the tables of near-duplicates and of doubtful labels."""
    duplicates = [
        {"image_id": ids[item.right], "duplicate_of": ids[item.left], "kind": item.kind}
        for item in people.duplicates
    ]
    noise = [
        {
            "kind": doubt.kind,
            "image_id": ids[doubt.row],
            "identity": people.identities[doubt.row],
            "other_id": ids[doubt.other] if doubt.other >= 0 else None,
            "other_identity": people.identities[doubt.other] if doubt.other >= 0 else None,
            "similarity": doubt.similarity,
            "own_similarity": doubt.own,
        }
        for doubt in people.doubts
    ]
    return duplicates, noise


def _find_bound(
    embeddings: np.ndarray, labels: Sequence[str], people: People, recipe: Recipe
) -> Bound:
    """The bound on similarity, from labelled people where there are any."""
    if recipe.max_similarity is not None:
        return Bound(recipe.max_similarity, "given")
    if people.unlabelled == len(people.identities):
        return Bound(people.same_person.value, "same-person threshold")
    return calibrate(embeddings, labels, recipe.split.seed)


def _mine_all(
    rows: list[dict[str, Any]], used: pa.Table, people: People, recipe: Recipe, device: str
) -> Bound:
    """Put `refs_hr` and `refs_lr` into `rows`; returns the bound on similarity.

    Of near-duplicates only the first is in the pool, so no list can hold two of them.
    """
    embeddings = _matrix(used)
    labels = np.array(people.components)
    ids = np.array([row["image_id"] for row in rows])
    in_train = np.array([row["split"] == "train" for row in rows])
    known = [rows[row]["identity"] for row in np.flatnonzero(in_train)]
    bound = _find_bound(embeddings[in_train], known, people, recipe)
    train = np.flatnonzero(in_train & (people.first == np.arange(len(rows))))
    likeness = {"refs_hr": embeddings, "refs_lr": appearance(_thumbnails(used))}
    for name in store.REFERENCE_LISTS:
        faces = Faces(ids, labels, embeddings, likeness[name])
        pool = faces.take(train)
        search = open_search(pool.vectors, device)
        mined = mine(faces, pool, recipe.references, bound.value, search)
        for row, references in zip(rows, mined, strict=True):
            row[name] = [{"image_id": item, "score": score} for item, score in references]
    return bound


def _manifest(
    rows: Sequence[dict[str, Any]],
    rejects: Sequence[dict[str, str]],
    source: Source,
    embedder: Embedder,
    recipe: Recipe,
    bound: Bound,
) -> dict[str, Any]:
    counts = Counter(row["split"] for row in rows)
    rule = recipe.split
    return {
        "format": store.FORMAT,
        "made_by": f"face-ref {faceref.__version__}",
        "source": source.name,
        "licence": source.licence,
        "image_size": 128,
        "embedder": embedder.provenance(),
        "references": recipe.references,
        "seed": rule.seed,
        "split_rule": {"val": rule.val, "test": rule.test, "by": "component"},
        "thresholds": {
            "min_eye_distance": recipe.min_eye_distance,
            "min_inside": recipe.min_inside,
            "max_similarity": bound.manifest(),
        },
        "counts": {name: counts[name] for name in store.SPLITS},
        "rejects": dict(sorted(Counter(row["reason"] for row in rejects).items())),
        "similarity": {name: _quantiles(rows, name) for name in store.REFERENCE_LISTS},
        "leak_certificate": certify(rows, bound.value),
        "fingerprint": store.fingerprint(rows),
    }


def _quantiles(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    scores = [reference["score"] for row in rows for reference in row[name]]
    if not scores:
        return {}
    return {
        f"{quantile:g}": round(float(value), 4)
        for quantile, value in zip(QUANTILES, np.quantile(scores, QUANTILES), strict=True)
    }


def _write(
    out: Path,
    rows: Sequence[dict[str, Any]],
    rejects: Sequence[dict[str, str]],
    manifest: dict[str, Any],
    workshop: Workshop,
    parts: int,
) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in store.SPLITS:
        stream = _with_images(rows, workshop.images(parts), name)
        store.write_split(out, name, stream, manifest["counts"][name])
    store.write_rejects(out, rejects)
    store.write_manifest(out, manifest)
    (out / "README.md").write_text(card.write(manifest), encoding="utf-8")


def _with_images(
    rows: Sequence[dict[str, Any]], images: Iterator[bytes | None], split: str
) -> Iterator[dict[str, Any]]:
    usable = (image for image in images if image is not None)
    for row, image in zip(rows, usable, strict=True):
        if row["split"] == split:
            name = row["image_id"].replace("/", "__") + ".png"
            yield {**row, "image": {"bytes": image, "path": name}}
