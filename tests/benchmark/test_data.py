from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.data import cycle, open_face_ref, read_split, training_batch
from benchmark.degrade import degrade
from benchmark.protocol import Budget
from faceref.errors import FaceRefError

BUDGET = Budget("test", 1000, 6, 1e-3, 1, 1, 4, max_references=3)


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


def test_training_batches_depend_on_seed_and_step_alone(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    faces = read_split(face_ref, "train", pool, "both")
    first, again = (training_batch(faces, BUDGET, 0, 7) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = training_batch(faces, BUDGET, 1, 7)
    assert not torch.equal(first[2], other[2])


def test_an_epoch_shows_every_face_once(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    faces = read_split(face_ref, "train", pool, "both")
    calm = Budget("calm", 1000, 6, 1e-3, 1, 1, 4, flip=False)
    seen = torch.cat([training_batch(faces, calm, 0, step)[2] for step in range(4)])
    known = torch.from_numpy(faces.hr).permute(0, 3, 1, 2).float().div(255)
    rows = [int((known - face).abs().flatten(1).sum(1).argmin()) for face in seen]
    assert sorted(rows) == list(range(24))


def test_the_number_of_references_varies_from_none_to_the_most(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    faces = read_split(face_ref, "train", pool, "both")
    counts = {training_batch(faces, BUDGET, 0, step)[1].shape[1] for step in range(40)}
    assert counts == {0, 1, 2, 3}


def test_a_mirrored_face_has_its_mirrored_small_face(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    faces = read_split(face_ref, "train", pool, "both")
    lr, _, hr = training_batch(faces, BUDGET, 0, 0)
    for small, large in zip(lr, hr, strict=True):
        pixels = large.permute(1, 2, 0).mul(255).round().byte().numpy()
        assert np.abs(degrade(pixels) / 255 - small.permute(1, 2, 0).numpy()).max() <= 1.01 / 255


def test_few_references_come_again():
    assert cycle([4, 9], 5) == [4, 9, 4, 9, 4]
    with pytest.raises(FaceRefError, match="no reference"):
        cycle([], 1)
    assert cycle([], 0) == []


def test_an_unknown_list_is_named(tiny_face_ref: Path):
    face_ref, pool = open_face_ref(tiny_face_ref)
    with pytest.raises(FaceRefError, match="both, refs_hr, refs_lr"):
        read_split(face_ref, "val", pool, "refs_mid")
