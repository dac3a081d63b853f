import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceref.errors import FaceRefError
from faceref.release.make import Wish, make_release
from faceref.release.policy import stated
from faceref.release.verify import verify

TERMS = stated("cc-by-4.0", None)


@pytest.fixture(params=["set", "index", "full"])
def whole(request: pytest.FixtureRequest, tiny_build: Path, tmp_path: Path) -> Path:
    if request.param == "set":
        return Path(shutil.copytree(tiny_build, tmp_path / "set"))
    make_release(tiny_build, tmp_path / "out", Wish("me/set", request.param, TERMS))
    return tmp_path / "out"


def _rewrite(path: Path, change) -> None:
    table = pq.read_table(path)
    rows = change(table.to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def _shard(root: Path) -> Path:
    return next(root.glob("*/train-*.parquet"))


def test_what_is_whole_has_no_fault(whole: Path):
    assert list(verify(whole)) == []


def test_a_lost_table_is_named(tiny_build: Path, tmp_path: Path):
    for kind in ("index", "full"):
        out = tmp_path / kind
        make_release(tiny_build, out, Wish("me/set", kind, TERMS))
        (out / "label_noise.parquet").unlink()
        assert list(verify(out)) == ["label_noise.parquet is missing"]


def test_a_lost_row_is_counted(whole: Path):
    _rewrite(_shard(whole), lambda rows: rows[1:])
    assert any("train holds" in fault for fault in verify(whole))


def test_a_changed_reference_breaks_the_fingerprint(whole: Path):
    def swap(rows: list[dict]) -> list[dict]:
        rows[0]["refs_hr"][0]["image_id"] = rows[5]["image_id"]
        return rows

    _rewrite(_shard(whole), swap)
    assert any("fingerprint" in fault for fault in verify(whole))


def test_a_file_cut_short_is_named(whole: Path):
    shard = _shard(whole)
    shard.write_bytes(shard.read_bytes()[:-100])
    assert any("cannot be read" in fault for fault in verify(whole))


def test_a_damaged_image_is_named(tiny_build: Path, tmp_path: Path):
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))

    def cut(rows: list[dict]) -> list[dict]:
        rows[0]["image"]["bytes"] = rows[0]["image"]["bytes"][:-9]
        return rows

    name = pq.read_table(_shard(root))["image_id"][0].as_py()
    _rewrite(_shard(root), cut)
    assert list(verify(root)) == [f"the image of {name} is not a whole PNG"]


def test_no_set_and_a_damaged_manifest(tmp_path: Path):
    with pytest.raises(FaceRefError, match="neither a Face_Ref nor an index"):
        list(verify(tmp_path))
    (tmp_path / "face_ref.json").write_text(json.dumps({})[:-1])
    with pytest.raises(FaceRefError, match="damaged"):
        list(verify(tmp_path))
