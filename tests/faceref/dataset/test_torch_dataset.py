import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import faceref
from benchmark.protocol.degradation import degrade
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.torch_dataset import CACHE, FaceRefDataset, FaceRefStream, load
from faceref.errors import FaceRefError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_items_are_the_faces_of_the_set(tiny_build: Path):
    face_ref = FaceRef.open(tiny_build)
    faces = faceref.load(tiny_build, "test", references=3, reference_list="refs_hr")
    assert isinstance(faces, FaceRefDataset)
    images, pool = face_ref.images("test"), face_ref.images("train")
    ids = face_ref.column("train", "image_id")
    for row, listed in enumerate(face_ref.column("test", "refs_hr")):
        item = faces[row]
        np.testing.assert_array_equal(item["hr"].permute(1, 2, 0), images[row])
        np.testing.assert_array_equal(item["lr"].permute(1, 2, 0), degrade(images[row]))
        assert item["ref_ids"] == [entry["image_id"] for entry in listed[:3]]
        for reference, name in zip(item["refs"], item["ref_ids"], strict=True):
            np.testing.assert_array_equal(reference.permute(1, 2, 0), pool[ids.index(name)])
    assert len(faces) == len(images)


def test_few_references_begin_again_and_none_is_an_empty_tensor(tiny_build: Path):
    item = load(tiny_build, "val", references=6)[0]  # pyright: ignore
    assert item["ref_ids"][4:] == item["ref_ids"][:2]
    bare = load(tiny_build, "val", references=0, scale=4)[0]  # pyright: ignore
    assert bare["refs"].shape == (0, 3, 128, 128)
    assert bare["lr"].shape == (3, 32, 32)


def test_workers_open_the_mapped_file_themselves(tiny_build: Path, cache: Path):
    faces = load(tiny_build, "train", references=2)
    assert isinstance(faces, FaceRefDataset)
    assert faces[0]["hr"].dtype == torch.uint8
    size = sum(path.stat().st_size for path in cache.iterdir())
    assert len(pickle.dumps(faces)) < size / 4
    loader = DataLoader(faces, 4, num_workers=2, multiprocessing_context="spawn")
    batches = list(loader)
    assert torch.equal(
        torch.cat([batch["hr"] for batch in batches]), torch.stack([item["hr"] for item in faces])
    )
    assert batches[0]["refs"].shape == (4, 2, 3, 128, 128)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_faces_lie_in_a_mapped_file(tiny_build: Path, cache: Path):
    faces = load(tiny_build, "train")
    assert faces[0]  # pyright: ignore
    maps = Path("/proc/self/maps").read_text()
    assert str(next(cache.iterdir())) in maps


def test_a_stream_gives_every_face_once_whatever_the_workers(
    tiny_build: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("faceref.dataset.torch_dataset.BLOCK", 5)
    stream = load(tiny_build, "train", references=1, streaming=True, seed=3)
    assert isinstance(stream, FaceRefStream)
    ids = [item["image_id"] for item in stream]
    assert ids == [item["image_id"] for item in stream]
    assert ids != sorted(ids)
    loader = DataLoader(stream, None, num_workers=2, multiprocessing_context="fork")
    assert sorted(item["image_id"] for item in loader) == sorted(ids)


def test_the_cache_is_written_once_and_again_for_other_shards(tiny_build: Path, cache: Path):
    load(tiny_build, "train")
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    load(tiny_build, "train")
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert not list(cache.glob("*.tmp"))


def test_bad_requests_are_named(tiny_build: Path, tmp_path: Path, monkeypatch):
    bad: list[tuple[dict[str, Any], str]] = [
        ({"split": "dev"}, "'dev'"),
        ({"reference_list": "refs"}, "'refs'"),
        ({"scale": 3}, "'3'"),
        ({"references": -1}, "references=-1"),
    ]
    for given, word in bad:
        with pytest.raises(FaceRefError, match=word):
            load(tiny_build, **given)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    with pytest.raises(FaceRefError, match=CACHE):
        load(tiny_build)


def test_importing_the_package_imports_no_torch():
    code = "import faceref, sys; assert 'torch' not in sys.modules; faceref.load"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
