"""The page on what an LR encoder learns from."""

import json
from pathlib import Path

import numpy as np

from faceref.lr_encoder import augmentation
from reports.scripts.lr_retrieval import SetFaces
from reports.scripts.lr_training import STRONGER, VARIANTS, chosen_faces, markdown, varied

REPORTS = Path(__file__).resolve().parents[2] / "reports"


def _faces(people: list[str], splits: list[str], embeddings: np.ndarray) -> SetFaces:
    count = len(people)
    ids = np.array([f"{place}" for place in range(count)])
    thumbnails = np.zeros((count, 16, 16, 3), np.uint8)
    return SetFaces(ids, np.array(people), np.array(splits), thumbnails, embeddings)


def test_the_page_is_that_of_its_numbers():
    report = json.loads((REPORTS / "lr_training.json").read_text(encoding="utf-8"))
    assert (REPORTS / "lr_training.md").read_text(encoding="utf-8") == markdown(report)
    assert {len(row["test_cosine"]) for row in report["rows"].values()} == {report["probes"]}


def test_whom_an_encoder_is_trained_on():
    axes = np.eye(16, dtype=np.float32)
    people = [f"p{place // 2}" for place in range(8)] + ["val", "test"]
    lfw = _faces(people, ["train"] * 8 + ["val", "test"], axes[:10])
    other = _faces(["x", "p0", "y"], ["train", "val", "test"], axes[[9, 12, 13]])
    half = chosen_faces(VARIANTS["half"], lfw, other)
    assert len(half.people) == 4
    assert len(set(half.people)) == 2
    assert len(chosen_faces(VARIANTS["all"], lfw, other).people) == 8
    both = chosen_faces(VARIANTS["other"], lfw, other)
    # The first of the other set looks like the face of test, and `p0` is somebody else there.
    assert both.people.tolist() == [*people[:8], "other/p0", "other/y"]


def test_faces_are_varied_more_for_a_while():
    usual = {name: getattr(augmentation, name) for name in STRONGER}
    with varied(True):
        assert all(getattr(augmentation, name) > value for name, value in usual.items())
    assert {name: getattr(augmentation, name) for name in STRONGER} == usual
