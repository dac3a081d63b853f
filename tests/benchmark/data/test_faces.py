from pathlib import Path

import numpy as np
import pytest

from benchmark.data.faces import cycle, open_face_ref, read_split
from benchmark.protocol.degradation import degrade
from faceref.errors import FaceRefError


def test_a_batch_shows_the_faces_and_their_best_references(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    faces = read_split(face_ref, "test", pool, "refs_hr")
    lr, refs, hr = faces.batch([0, 3], 2)
    assert (lr.shape, refs.shape, hr.shape) == (
        (2, 3, 16, 16),
        (2, 2, 3, 128, 128),
        (2, 3, 128, 128),
    )
    assert np.array_equal(hr[1].permute(1, 2, 0).mul(255).round().byte().numpy(), faces.hr[3])
    assert np.array_equal(
        lr[1].permute(1, 2, 0).mul(255).round().byte().numpy(), degrade(faces.hr[3])
    )
    best = [item["image_id"] for item in face_ref.column("test", "refs_hr")[3]][:2]
    for place, image_id in enumerate(best):
        pixels = refs[1, place].permute(1, 2, 0).mul(255).round().byte().numpy()
        assert np.array_equal(pixels, pool.images[pool.row[image_id]])


def test_both_alternates_between_the_lists(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    hr, lr, both = (
        read_split(face_ref, "val", pool, name).references[0]
        for name in ("refs_hr", "refs_lr", "both")
    )
    assert both[:2] == [hr[0], lr[0]]
    assert sorted(both) == sorted(set(hr) | set(lr))


def test_few_references_come_again():
    assert cycle([4, 9], 5) == [4, 9, 4, 9, 4]
    with pytest.raises(FaceRefError, match="no reference"):
        cycle([], 1)
    assert cycle([], 0) == []


def test_an_unknown_list_is_named(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    with pytest.raises(FaceRefError, match="both, random, refs_hr, refs_lr"):
        read_split(face_ref, "val", pool, "refs_mid")


def test_random_references_are_other_people_s(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    faces = read_split(face_ref, "train", pool, "random")
    people = face_ref.column("train", "identity")
    for person, rows in zip(people, faces.references, strict=True):
        assert len(rows) >= 10
        assert person not in {people[row] for row in rows}
