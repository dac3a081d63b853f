from pathlib import Path

import pytest

from faceref.errors import FaceRefError
from faceref.sources.folder import folder
from faceref.sources.registry import open_source
from faceref.sources.sample import sample, write_sample_folder


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_lists_people_in_order_and_passes_other_files_over(tmp_path: Path):
    names = ("b/2.png", "b/1.JPG", "a/x.jpeg", "a/notes.txt", "a/.hidden.png", ".git/y.png")
    _touch(*(tmp_path / name for name in names))
    records = folder(tmp_path).records
    assert [record.image_id for record in records] == ["a/x", "b/1", "b/2"]
    assert [record.identity for record in records] == ["a", "b", "b"]


def test_names_that_differ_by_suffix_stay_apart(tmp_path: Path):
    _touch(tmp_path / "a/1.png", tmp_path / "a/1.jpg", tmp_path / "a/2.jpg")
    ids = [record.image_id for record in folder(tmp_path).records]
    assert sorted(ids) == ["a/1.jpg", "a/1.png", "a/2"]


def test_an_empty_folder_says_what_is_expected(tmp_path: Path):
    with pytest.raises(FaceRefError, match="one sub-folder per person"):
        folder(tmp_path)


def test_images_without_sub_folders_are_explained(tmp_path: Path):
    _touch(tmp_path / "1.jpg", tmp_path / "2.jpg")
    with pytest.raises(FaceRefError, match="2 images lie directly in it"):
        folder(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(FaceRefError, match=r"No folder of faces at .*gone"):
        folder(tmp_path / "gone")


def test_an_unknown_source_gets_a_suggestion():
    with pytest.raises(FaceRefError, match="Did you mean 'folder'"):
        open_source("foldr", None)


def test_the_sample_unpacks_to_a_folder_of_itself(tmp_path: Path):
    assert write_sample_folder(tmp_path) == len(sample().records)
    unpacked = folder(tmp_path).records
    assert [r.image_id for r in unpacked] == [r.image_id for r in sample().records]
