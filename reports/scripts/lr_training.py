"""What an LR encoder gains by more faces to learn from, and by faces that are varied more.

    python reports/scripts/lr_training.py FACE_REF --cache FILE.npz --other SET OTHER.npz
        --work FOLDER [--only NAME ...] [--out reports]

Each of `VARIANTS` is trained as a build trains its encoder, on all of FACE_REF's train faces, on
those of a part of its people, or together with all faces of another set. Val of FACE_REF chooses
the weights, and retrieves from what the encoder is trained on. Then 5 faces of FACE_REF's train
split are retrieved for each face of test, as in `lr_retrieval.py`, which also makes the caches of
embeddings: that pool is the same for all. Of the other set those are left out that may show
somebody of val or test. A training that is finished in `--work` is not done again. Writes
`lr_training.json` and `lr_training.md` to `--out`: numbers only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmark.results.paired import corrected, paired
from benchmark.results.statistics import p_text
from faceref.console import progress_bar
from faceref.dataset.face_ref import FaceRef
from faceref.files import write_json, write_text
from faceref.lr_encoder import augmentation
from faceref.lr_encoder.model import LrEncoder, embed_lr, load_encoder
from faceref.lr_encoder.retrieval import Retrieved, retrieve
from faceref.lr_encoder.training import LrFaces, train_encoder
from faceref.markdown import markdown_table
from reports.scripts.lr_retrieval import SetFaces, read_faces

STRANGER = 0.45
"""Cosine of identity below which two faces show two people, with some distance to be sure."""
STRONGER = {"GAMMA": 0.5, "GAIN": 0.15, "MOVE": 0.5, "TURN": 0.06}
"""Variation of faces in training, 1.5 to 2 times as much as a build's."""
USUAL = "all"
DIGITS = 4


@dataclass(frozen=True)
class Variant:
    """How an encoder is trained."""

    text: str
    share: int = 1
    """One in how many people of train."""
    other: bool = False
    """Also on the other set."""
    stronger: bool = False


VARIANTS = {
    "half": Variant("half of the people of train", share=2),
    USUAL: Variant("all people of train, as in a build"),
    "stronger": Variant("the same, faces varied more", stronger=True),
    "other": Variant("all people of train, and CelebA in the wild", other=True),
}


def chosen_faces(variant: Variant, lfw: SetFaces, other: SetFaces) -> LrFaces:
    """What a variant is trained on; the people that are left out are drawn with a seed."""
    train = lfw.of("train")
    if variant.share > 1:
        names = np.unique(train.people)
        drawn = np.random.default_rng(5).permutation(names)[: len(names) // variant.share]
        train = train.take(np.isin(train.people, drawn))
    if not variant.other:
        return train.labelled()
    held_out = lfw.of("val", "test").embeddings
    more = other.take((other.embeddings @ held_out.T).max(1) < STRANGER)
    people = np.char.add("other/", more.people.astype(str))
    return LrFaces(
        np.concatenate([train.thumbnails, more.thumbnails]),
        np.concatenate([train.embeddings, more.embeddings]),
        np.concatenate([train.people.astype(str), people]),
    )


@contextmanager
def varied(stronger: bool) -> Iterator[None]:
    """Vary faces in training by `STRONGER`, where that is asked for."""
    with ExitStack() as stack:
        for name, value in STRONGER.items() if stronger else ():
            stack.enter_context(patch.object(augmentation, name, value))
        yield


def measure(name: str, lfw: SetFaces, other: SetFaces, work: Path) -> dict[str, Any]:
    """Train one variant, unless that was done, and score it on test."""
    encoder, notes = work / f"{name}.safetensors", work / f"{name}.json"
    train = chosen_faces(VARIANTS[name], lfw, other)
    if not notes.exists():
        with varied(VARIANTS[name].stronger), progress_bar(f"Training {name}") as show:
            report = train_encoder(train, lfw.of("val").labelled(), encoder, progress=show)
        write_json(notes, report)
    report = json.loads(notes.read_text(encoding="utf-8"))
    model, pool = load_encoder(encoder), lfw.of("train").embeddings
    val, test = (retrieved(model, lfw.of(split), pool) for split in ("val", "test"))
    return {
        "train_faces": len(train.embeddings),
        "val_curve": report["val_curve"],
        "val_cosine": round(float(val.cosine.mean()), DIGITS),
        "test_cosine": [round(float(value), DIGITS) for value in test.cosine],
        "test_recall": round(float(test.recall.mean()), DIGITS),
    }


def retrieved(model: LrEncoder, probes: SetFaces, pool: np.ndarray) -> Retrieved:
    """What an encoder retrieves for the probes from the embeddings of a pool, (N, D)."""
    return retrieve(embed_lr(model, probes.thumbnails), pool, probes.embeddings, pool)


HEAD = """# What the LR encoder learns from

An encoder predicts the identity embedding of an HR face from its 16x16 version, and it can choose
`refs_lr` (`faceref build --likeness-lr identity`, or `both`). Each row is an encoder with the
training schedule of a build: 20 passes over its faces, so that more faces also mean more steps.
In the third row the faces are those of the second, with stronger augmentation. For each of the
{probes:,} faces of LFW's test split, the encoder retrieves five of LFW's {pool:,} train faces.
The cosine compares the true embeddings, those of the HR faces; retrieval with the HR embedding
itself would reach {bound:.3f}. Recall is the share of the truly nearest five that is among the
first fifty. The difference is the cosine on test minus that of a build's encoder, with a 95 %
interval over faces; p is corrected for all rows (Holm). Each encoder was trained once. By
`reports/scripts/lr_training.py`; numbers in `lr_training.json`.
"""


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    rows = report["rows"]
    base = np.array(rows[USUAL]["test_cosine"])
    others = [name for name in rows if name != USUAL]
    found = corrected([paired(rows[name]["test_cosine"], base) for name in others])
    texts = {name: [one.text(3), p_text(one.p)] for name, one in zip(others, found, strict=True)}
    lines = [
        [
            VARIANTS[name].text,
            f"{row['train_faces']:,}",
            f"{row['val_cosine']:.3f}",
            f"{np.mean(row['test_cosine']):.3f}",
            *texts.get(name, ["", ""]),
            f"{row['test_recall']:.3f}",
        ]
        for name, row in rows.items()
    ]
    columns = ["trained on", "faces", "cosine, val", "cosine, test", "difference", "", "recall"]
    return HEAD.format(**report) + "\n" + "\n".join(markdown_table(columns, lines)) + "\n"


def main() -> None:
    """Train what is not trained, score all, write the report."""
    parser = argparse.ArgumentParser(description="What the LR encoder learns from.")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="embeddings of FACE_REF")
    parser.add_argument("--other", type=Path, nargs=2, required=True, help="a set, and its cache")
    parser.add_argument("--work", type=Path, required=True, help="folder for the encoders")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    lfw = read_faces(FaceRef.open(given.face_ref), None, cache=given.cache)
    other = read_faces(FaceRef.open(given.other[0]), None, cache=given.other[1])
    given.work.mkdir(parents=True, exist_ok=True)
    rows = {name: measure(name, lfw, other, given.work) for name in VARIANTS if name in given.only}
    if len(rows) < len(VARIANTS):
        return  # The page is of all of them; what was trained lies in `--work`.
    probes, pool = lfw.of("test"), lfw.of("train").embeddings
    bound = retrieve(probes.embeddings, pool, probes.embeddings, pool).cosine.mean()
    report = {
        "probes": len(probes),
        "pool": len(pool),
        "bound": round(float(bound), DIGITS),
        "rows": rows,
    }
    write_json(given.out / "lr_training.json", report)
    page = markdown(report)
    write_text(given.out / "lr_training.md", page)
    print(page)


if __name__ == "__main__":
    main()
