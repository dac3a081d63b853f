import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from faceref.audit.leaks import LeakError, certify
from faceref.cli.app import app
from faceref.dataset.face_ref import FaceRef


def _rows() -> list[dict]:
    def row(name: str, split: str, refs: list[str]) -> dict:
        listed = [{"image_id": ref, "score": 0.5} for ref in refs]
        return {
            "image_id": f"{name}/1",
            "identity": name,
            "split": split,
            "refs_hr": listed,
            "refs_lr": deepcopy(listed),
        }

    return [
        row("a", "train", ["b/1"]),
        row("b", "train", ["a/1"]),
        row("c", "val", ["a/1", "b/1"]),
        row("d", "test", ["b/1", "a/1"]),
    ]


def test_a_clean_set_is_certified():
    found = certify(_rows(), 0.6)
    assert found["references_checked"] == 12
    assert found["identities"] == {"train": 2, "val": 1, "test": 1}


def _leak(field: str, value: object, row: int = 3) -> list[dict]:
    rows = _rows()
    rows[row][field] = value
    return rows


PLANTED = {
    "share": _leak("identity", "a"),
    "the probe itself": _leak("refs_hr", [{"image_id": "a/1", "score": 0.1}], row=0),
    "the same person": _leak("refs_lr", [{"image_id": "b/1", "score": 0.1}], row=1),
    "in val": _leak("refs_lr", [{"image_id": "c/1", "score": 0.1}]),
    "given twice": _leak("refs_hr", [{"image_id": "a/1", "score": 0.1}] * 2),
    "above the bound": _leak("refs_hr", [{"image_id": "a/1", "score": 0.61}]),
}
PLANTED["the same person"][0]["identity"] = "b"


@pytest.mark.parametrize("reason", PLANTED)
def test_each_planted_leak_is_found(reason: str):
    with pytest.raises(LeakError, match=reason):
        certify(PLANTED[reason], 0.6)


def _rewrite(root: Path, split: str, change: Callable[[list[dict]], None]) -> None:
    path = FaceRef.open(root).shards(split)[0]
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.fixture
def copy(tiny_build: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_build, tmp_path / "copy"))


def test_a_built_set_passes(copy: Path):
    result = CliRunner().invoke(app, ["certify", str(copy)])
    assert result.exit_code == 0, result.output
    assert "no leak" in result.output


def _swap_in_val(rows: list[dict], val: str) -> None:
    rows[0]["refs_lr"][1]["image_id"] = val


def test_a_planted_leak_is_named_by_its_pair(copy: Path):
    victim = FaceRef.open(copy).column("val", "image_id")[0]
    probe = FaceRef.open(copy).column("test", "image_id")[0]
    _rewrite(copy, "test", lambda rows: _swap_in_val(rows, victim))
    result = CliRunner().invoke(app, ["certify", str(copy)])
    assert result.exit_code == 1
    assert f"refs_lr of {probe}: the reference {victim} is in val" in result.output


def test_a_changed_score_and_a_lost_row_are_noticed(copy: Path):
    def change(rows: list[dict]) -> None:
        rows[0]["refs_hr"][0]["score"] -= 0.01
        rows.pop()

    _rewrite(copy, "train", change)
    result = CliRunner().invoke(app, ["certify", str(copy)])
    assert result.exit_code == 1
    assert "fingerprint" in result.output
    assert "faces in train" in result.output


def test_a_damaged_image_of_a_set_is_named(tiny_build: Path, tmp_path: Path):
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    path = next((root / "data").glob("val-*.parquet"))
    rows = pq.read_table(path)
    cells = rows["image"].to_pylist()
    cells[0]["bytes"] = cells[0]["bytes"][:-300]
    place = rows.schema.get_field_index("image")
    pq.write_table(rows.set_column(place, rows.field(place), [pa.array(cells)]), path)
    result = CliRunner().invoke(app, ["certify", str(root)])
    assert result.exit_code == 1
    assert f"The image of {rows['image_id'][0]} in the set cannot be read: cut off" in result.output
