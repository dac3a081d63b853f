import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.data.faces import cycle, found_in, read_split
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from benchmark.protocol.degradation import degrade
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import references_digest
from faceref.errors import FaceRefError
from faceref.images import resized
from faceref.similarity.vectors import appearance
from tests.benchmark.other_lists import with_lists, with_lists_of


def test_a_batch_shows_the_faces_and_their_best_references(tiny_face_ref: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    faces = read_split(face_ref, "test", "refs_hr")
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
        assert np.array_equal(pixels, face_ref.pool.images[face_ref.pool.row[image_id]])


def test_only_faces_that_are_given_are_decoded(
    tiny_face_ref: Path, monkeypatch: pytest.MonkeyPatch
):
    face_ref, decoded = FaceRef.open(tiny_face_ref), []
    whole = read_split(face_ref, "test", "refs_lr").take([0, 2])
    expected = [whole.batch([row], 2)[1] for row in range(2)]
    again = FaceRef.open(Path(tiny_face_ref))
    alone = read_split(again, "test", "refs_lr").take([0, 2]).given(2)
    plain = FaceRef._decode
    monkeypatch.setattr(
        FaceRef, "_decode", lambda *given: decoded.append(given[1][0]) or plain(*given)
    )
    for row in range(2):
        assert torch.equal(alone.batch([row], 2)[1], expected[row])
    ids = list(face_ref.pool.row)
    assert sorted(decoded) == sorted({ids[row] for rows in whole.references for row in rows[:2]})
    first = alone.given(1)
    assert torch.equal(first.batch([1], 1)[1], expected[1][:, :1])
    assert len(first.pool.row) <= 2
    assert len(whole.given(0).pool.row) == 0
    with pytest.raises(ValueError, match="ascending"):
        again.images("train", [3, 1])


def test_both_alternates_between_the_lists(tiny_face_ref: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    hr, lr, both = (
        read_split(face_ref, "val", name).references[0] for name in ("refs_hr", "refs_lr", "both")
    )
    assert both[:2] == [hr[0], lr[0]]
    assert sorted(both) == sorted(set(hr) | set(lr))


def test_references_may_come_from_another_set(tiny_face_ref: Path):
    """Here from the set itself: a face of its pool is then its own most alike."""
    face_ref = FaceRef.open(tiny_face_ref)
    found = found_in(read_split(face_ref, "train", "refs_hr"), face_ref, 3)
    assert [rows[0] for rows in found.references] == list(range(len(found)))
    assert all(len(set(rows)) == 3 for rows in found.references)
    setting = Setting("folder-x8@1", references=2, pool=face_ref)
    result = evaluate(face_ref, "mean_reference", setting)
    assert (result.reference_list, result.references) == ("refs_elsewhere", 2)
    own = evaluate(face_ref, "mean_reference", Setting("folder-x8@1", references=2))
    assert result.references_sha256 != own.references_sha256


def test_more_references_than_a_set_holds_are_found(tiny_face_ref: Path):
    """With the LR face, of any number; those found with the HR face are its lists alone."""
    face_ref = FaceRef.open(tiny_face_ref)
    setting = Setting("folder-x8@1", references=20)
    many = read_faces(face_ref, setting, 20)
    assert all(len(set(rows)) == 20 for rows in many.references)
    few = read_faces(face_ref, replace(setting, reference_list="refs_hr"), 20)
    assert all(len(rows) == 8 for rows in few.references)


def test_each_short_list_goes_on_whatever_others_hold(tiny_face_ref: Path, tmp_path: Path):
    lengths = itertools.cycle((8, 3))
    root = tmp_path / "mixed"
    with_lists(tiny_face_ref, root, lambda row: row[: next(lengths)])
    mixed = with_lists_of(8, "appearance", root, tmp_path / "appearance")
    held = read_split(mixed, "test", "refs_lr").references
    assert sorted({len(rows) for rows in held}) == [3, 8]
    longer = read_faces(mixed, Setting("folder-x8@1"), 5).references
    for rows, own in zip(longer, held, strict=True):
        assert len(set(rows)) == 5
        assert rows[: len(own)] == own[:5]


def test_short_lists_by_appearance_go_on_and_others_are_given_again(
    tiny_face_ref: Path, tmp_path: Path
):
    setting = Setting("folder-x8@1")
    short = with_lists_of(3, "appearance", tiny_face_ref, tmp_path / "appearance")
    held = read_faces(short, setting, 3).references
    longer = read_faces(short, setting, 5).references
    assert [rows[:3] for rows in longer] == held
    assert all(len(set(rows)) == 5 for rows in longer)
    by_identity = with_lists_of(3, "identity", tiny_face_ref, tmp_path / "identity")
    assert read_faces(by_identity, setting, 5).references == held
    given = evaluate(by_identity, "mean_reference", setting)
    ids = list(by_identity.pool.row)
    names = [[ids[row] for row in cycle(rows, 5)] for rows in held]
    assert given.references_sha256 == references_digest(names)


def test_a_pool_smaller_than_k_is_given_again(tiny_face_ref: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    found = found_in(read_split(face_ref, "test", "refs_lr"), face_ref, 64)
    assert all(sorted(rows) == list(range(24)) for rows in found.references)
    result = evaluate(face_ref, "mean_reference", Setting("folder-x8@1", references=64))
    assert result.references == 64


@pytest.mark.parametrize("name", ["lfw-x16@1", "lfw-x8-real@1"])
def test_a_poorer_lr_face_finds_references_with_what_it_shows(tiny_face_ref: Path, name: str):
    face_ref = FaceRef.open(tiny_face_ref)
    faces = read_faces(face_ref, Setting(name), 5)
    listed = read_split(face_ref, "test", "refs_lr")
    assert faces.references != [rows[:5] for rows in listed.references]
    small = np.stack([resized(face, 16) for face in face_ref.pool.images])
    seen = np.stack([resized(face, 16) for face in faces.lr])
    likeness = appearance(seen) @ appearance(small).T
    for rows, scores in zip(faces.references, likeness, strict=True):
        assert np.allclose(scores[rows], np.sort(scores)[::-1][:5], atol=1e-5)
    by_hr = read_faces(face_ref, Setting(name, reference_list="refs_hr"), 5)
    assert by_hr.references == [rows[::-1] for rows in listed.references]


def test_few_references_come_again():
    assert cycle([4, 9], 5) == [4, 9, 4, 9, 4]
    with pytest.raises(FaceRefError, match="no reference"):
        cycle([], 1)
    assert cycle([], 0) == []


def test_an_unknown_list_is_named(tiny_face_ref: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    with pytest.raises(FaceRefError, match="both, random, refs_hr, refs_lr"):
        read_split(face_ref, "val", "refs_mid")


def test_random_references_are_other_people_s(tiny_face_ref: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    faces = read_split(face_ref, "train", "random")
    people = face_ref.column("train", "identity")
    for person, rows in zip(people, faces.references, strict=True):
        assert len(rows) >= 10
        assert person not in {people[row] for row in rows}


def test_without_references_no_train_image_is_decoded(
    tiny_face_ref: Path, monkeypatch: pytest.MonkeyPatch
):
    face_ref, images = FaceRef.open(tiny_face_ref), FaceRef.images
    decoded: list[str] = []

    def watch(self: FaceRef, split: str, rows: Sequence[int] | None = None) -> np.ndarray:
        decoded.append(split)
        assert split == "test" or rows is not None
        return images(self, split, rows)

    monkeypatch.setattr(FaceRef, "images", watch)
    result = evaluate(face_ref, "bicubic", Setting("folder-x8@1"))
    assert (result.images, decoded) == (6, ["test"])
    evaluate(face_ref, "bicubic", Setting("folder-x8@1", references=20))
    assert decoded == ["test"] * 2
    evaluate(face_ref, "nearest_reference", Setting("folder-x8@1"))
    assert decoded.count("train") == 1
    face_ref.pool.images = images(face_ref, "train")  # As after a training in this process.
    evaluate(face_ref, "nearest_reference", Setting("folder-x8@1", reference_list="refs_hr"))
    assert decoded.count("train") == 1
