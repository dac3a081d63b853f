from pathlib import Path

import pytest

from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef


def test_many_rows_make_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "ROWS_PER_SHARD", 4)
    rows = [{"image_id": f"{row:02d}"} for row in range(10)]
    store.write_split(tmp_path, "train", rows, 10)
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert names == [f"train-{k:05d}-of-00003.parquet" for k in range(3)]
    assert FaceRef(tmp_path).column("train", "image_id") == [row["image_id"] for row in rows]
