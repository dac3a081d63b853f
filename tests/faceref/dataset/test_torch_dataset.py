import errno
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader

import faceref
from benchmark.protocol.degradation import degrade
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.torch_dataset import CACHE, FaceRefDataset, load
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
    item = load(tiny_build, "val", references=6)[0]
    assert item["ref_ids"][4:] == item["ref_ids"][:2]
    bare = load(tiny_build, "val", references=0, scale=4)[0]
    assert bare["refs"].shape == (0, 3, 128, 128)
    assert bare["lr"].shape == (3, 32, 32)


def test_workers_open_the_mapped_file_themselves(tiny_build: Path, cache: Path):
    faces = load(tiny_build, "train", references=2)
    assert isinstance(faces, FaceRefDataset)
    assert faces[0]["hr"].dtype == torch.uint8
    size = sum(path.stat().st_size for path in cache.rglob("*.arrow"))
    assert len(pickle.dumps(faces)) < size / 4
    expected = torch.stack([item["hr"] for item in faces])
    for context in ("spawn", "fork"):
        batches = list(DataLoader(faces, 4, num_workers=2, multiprocessing_context=context))
        assert torch.equal(torch.cat([batch["hr"] for batch in batches]), expected)
        assert batches[0]["refs"].shape == (4, 2, 3, 128, 128)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_faces_lie_in_a_mapped_file(tiny_build: Path, cache: Path):
    faces = load(tiny_build, "train")
    assert faces[0]
    maps = Path("/proc/self/maps").read_text()
    assert str(next(cache.rglob("*.arrow"))) in maps


def _written(cache: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.arrow")}


def test_the_cache_is_written_once(tiny_build: Path, cache: Path):
    load(tiny_build, "train")
    before = _written(cache)
    assert len(before) == 1
    load(FaceRef.open(tiny_build), "train")
    assert _written(cache) == before
    assert not list(cache.rglob("*.incomplete"))


def test_a_changed_shard_is_not_read_from_an_old_cache(tiny_build: Path, tmp_path: Path):
    """Neither path nor time of the shard says that it changed."""
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    before = load(root, "val", references=0)
    first, second = before[0]["hr"], before[1]["hr"]
    shard = FaceRef.open(root).shards("val")[0]
    times = shard.stat()
    table = pq.read_table(shard)
    turned = table["image"].take([1, 0, *range(2, len(table))])
    pq.write_table(table.set_column(1, table.schema.field("image"), turned), shard)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = load(root, "val", references=0)
    assert torch.equal(after[0]["hr"], second)
    assert torch.equal(after[1]["hr"], first)


def test_a_cache_that_cannot_be_written_is_named(
    tiny_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    with pytest.raises(FaceRefError, match=CACHE):
        load(tiny_build)
    monkeypatch.setenv(CACHE, str(tmp_path / "full"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("datasets.arrow_writer.ArrowWriter.write_table", full)
    with pytest.raises(FaceRefError, match=f"full: {os.strerror(errno.ENOSPC)}. Set {CACHE}"):
        load(tiny_build)


def test_nothing_is_written_outside_the_cache(tiny_build: Path, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "HOME": str(home)}
    for name in ("HF_HOME", "HF_DATASETS_CACHE", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    code = f"import faceref; faceref.load({str(tiny_build)!r})[0]"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    outside = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    assert all(path.parts[:2] == (".cache", "huggingface") for path in outside)


def test_bad_requests_are_named(tiny_build: Path):
    bad: list[tuple[dict[str, Any], str]] = [
        ({"split": "dev"}, "'dev'"),
        ({"reference_list": "refs"}, "'refs'"),
        ({"scale": 3}, "scale=3: 4, 8 or 16"),
        ({"references": -1}, "references=-1"),
    ]
    for given, word in bad:
        with pytest.raises(FaceRefError, match=word):
            load(tiny_build, **given)


def test_importing_the_package_imports_no_torch():
    code = "import faceref, sys; assert 'torch' not in sys.modules; faceref.load"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
