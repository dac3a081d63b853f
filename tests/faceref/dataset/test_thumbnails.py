"""Thumbnails of a split, made once where there are many."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from faceref.console import Progress
from faceref.dataset import thumbnails
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.thumbnails import CACHE, split_thumbnails
from faceref.images import thumbnail


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(thumbnails, "KEPT_FROM", 1)
    return tmp_path / "cache"


def _plain(faces: FaceRef) -> np.ndarray:
    return np.stack([thumbnail(face) for face in faces.images("train")])


def _touch(faces: FaceRef) -> None:
    """As if the first shard had been written anew."""
    shard = faces.shards("train")[0]
    now = shard.stat()
    os.utime(shard, ns=(now.st_atime_ns, now.st_mtime_ns + 1_000))


def test_they_are_those_of_the_faces_and_are_kept_until_a_shard_changes(
    tiny_build: Path, tmp_path: Path, cache: Path
):
    faces = FaceRef.open(shutil.copytree(tiny_build, tmp_path / "set"))
    np.testing.assert_array_equal(split_thumbnails(faces, "train"), _plain(faces))
    (file,) = cache.iterdir()
    kept = np.load(file)
    np.save(file, 255 - kept)
    np.testing.assert_array_equal(split_thumbnails(faces, "train"), 255 - kept)
    _touch(faces)
    np.testing.assert_array_equal(split_thumbnails(faces, "train"), kept)


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_of_the_cache_is_made_anew(tiny_build: Path, cache: Path, content: bytes):
    faces = FaceRef.open(tiny_build)
    split_thumbnails(faces, "train")
    (file,) = cache.iterdir()
    file.write_bytes(content)
    np.testing.assert_array_equal(split_thumbnails(faces, "train"), _plain(faces))
    np.testing.assert_array_equal(np.load(file), _plain(faces))


def test_a_file_of_other_faces_is_made_anew(tiny_build: Path, cache: Path):
    faces = FaceRef.open(tiny_build)
    split_thumbnails(faces, "train")
    (file,) = cache.iterdir()
    np.save(file, np.zeros((2, 16, 16, 3), np.uint8))
    np.testing.assert_array_equal(split_thumbnails(faces, "train"), _plain(faces))


def test_a_cache_that_cannot_be_written_costs_time_alone(tiny_build: Path, cache: Path):
    cache.write_text("a file where the folder should be")
    faces = FaceRef.open(tiny_build)
    np.testing.assert_array_equal(split_thumbnails(faces, "train"), _plain(faces))


def test_the_bar_is_opened_where_they_are_made(tiny_build: Path, cache: Path):
    faces, calls = FaceRef.open(tiny_build), []
    opened = []

    @contextmanager
    def bar(label: str) -> Iterator[Progress]:
        opened.append(label)
        yield lambda done, total, state="": calls.append((done, total))

    for _ in range(2):
        split_thumbnails(faces, "train", bar)
    assert opened == ["Reading the pool"]
    assert calls[-1] == (faces.count("train"), faces.count("train"))


def test_few_faces_leave_no_file(tiny_build: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    faces = FaceRef.open(tiny_build)
    monkeypatch.setattr(thumbnails, "KEPT_FROM", faces.count("train") + 1)
    split_thumbnails(faces, "train")
    assert not cache.exists()
