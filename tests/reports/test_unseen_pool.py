"""Pools of faces that a network was not trained on, and of as many that it was."""

from pathlib import Path

import numpy as np

from faceref.dataset.face_ref import FaceRef
from reports.scripts.unseen_pool import AsPool, some_people
from reports.scripts.unseen_pool_page import unseen_lines
from tests.reports.test_transfer import REPORTS


def test_faces_that_were_not_trained_on_bring_no_more_beyond_chance():
    lines = unseen_lines(REPORTS)
    assert {line.given for line in lines} == {"error memory", "5 references"}
    for line in lines:
        assert line.difference.p > 0.05
        assert abs(line.difference.mean) < 0.01


def test_a_pool_of_train_is_of_whole_people_but_for_the_last(tiny_face_ref: Path):
    faces = FaceRef.open(tiny_face_ref)
    people = np.array(faces.column("train", "identity"))
    pools = [some_people(faces, 5, seed) for seed in range(4)]
    assert len({tuple(rows) for rows in pools}) > 1
    for rows in pools:
        assert len(set(rows)) == 5
        assert (np.diff(rows) > 0).all()
        in_part = [not np.isin(np.flatnonzero(people == name), rows).all() for name in people[rows]]
        assert len(set(people[rows][in_part])) <= 1


def test_a_split_is_read_as_a_pool(tiny_face_ref: Path):
    faces = FaceRef.open(tiny_face_ref)
    pool = AsPool(faces, "val")
    assert len(pool.table("train", ["image_id"])) == faces.count("val")
    (image_id, _), *_ = pool.stream_faces("train", [0])
    assert image_id == faces.column("val", "image_id")[0]
