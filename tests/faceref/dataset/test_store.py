from pathlib import Path

import pytest

from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError


def test_columns_and_images_come_back(tiny_face_ref: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    assert face_ref.count("train") == 24
    assert face_ref.column("val", "image_id")[:2] == ["val0/0", "val0/1"]
    assert face_ref.images("test").shape == (6, 128, 128, 3)


def test_many_rows_make_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "ROWS_PER_SHARD", 4)
    rows = [{"image_id": f"{row:02d}"} for row in range(10)]
    store.write_split(tmp_path, "train", rows, 10)
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert names == [f"train-{k:05d}-of-00003.parquet" for k in range(3)]
    assert FaceRef(tmp_path).column("train", "image_id") == [row["image_id"] for row in rows]


def test_a_folder_that_is_none_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(FaceRefError, match="faceref build"):
        FaceRef.open(tmp_path)


def test_another_format_is_refused(tmp_path: Path):
    store.write_manifest(tmp_path, {"format": 99})
    with pytest.raises(FaceRefError, match="format 99"):
        FaceRef.open(tmp_path)


def test_a_damaged_manifest_is_named(tmp_path: Path):
    (tmp_path / store.MANIFEST).write_text("{")
    with pytest.raises(FaceRefError, match="damaged"):
        FaceRef.open(tmp_path)


def test_an_unknown_split_is_named(tiny_face_ref: Path):
    with pytest.raises(FaceRefError, match="Did you mean 'train'"):
        FaceRef.open(tiny_face_ref).count("trian")
