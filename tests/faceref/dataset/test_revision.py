"""The revision of the data: what changes it, and what must not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision, references_digest
from faceref.dataset.store import MANIFEST


@pytest.fixture
def copied(tiny_face_ref: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_face_ref, tmp_path / "copy"))


def _say(root: Path, **said: Any) -> None:
    file = root / MANIFEST
    known = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(known | said), encoding="utf-8")


def _rewrite(root: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    (shard,) = FaceRef.open(root).shards("test")
    table = pq.read_table(shard)
    rows = [change(row) for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), shard)


def _other_references(row: dict[str, Any]) -> dict[str, Any]:
    turned = [{**item, "score": item["score"] - 0.0001} for item in reversed(row["refs_hr"])]
    return {**row, "refs_hr": turned}


def test_references_and_their_scores_do_not_change_it(tiny_face_ref: Path, copied: Path):
    _rewrite(copied, _other_references)
    assert FaceRef.open(copied).column("test", "refs_hr") != FaceRef.open(tiny_face_ref).column(
        "test", "refs_hr"
    )
    assert data_revision(FaceRef.open(copied)) == data_revision(FaceRef.open(tiny_face_ref))


@pytest.mark.parametrize("name", ["image_id", "sha256"])
def test_another_image_or_file_changes_it(tiny_face_ref: Path, copied: Path, name: str):
    _rewrite(copied, lambda row: {**row, name: f"other-{row[name]}"})
    assert data_revision(FaceRef.open(copied)) != data_revision(FaceRef.open(tiny_face_ref))


@pytest.mark.parametrize(
    "said",
    [
        {"seed": 1},
        {"embedder": {"name": "dlib"}},
        {"mining": {"likeness": {"refs_lr": "identity"}}},
        {"mining": {"diversity": 3}},
    ],
)
def test_another_recipe_changes_it(tiny_face_ref: Path, copied: Path, said: dict[str, Any]):
    _say(copied, **said)
    assert data_revision(FaceRef.open(copied)) != data_revision(FaceRef.open(tiny_face_ref))


def test_what_was_measured_on_the_rows_does_not_change_it(tiny_face_ref: Path, copied: Path):
    known = FaceRef.open(copied).manifest["mining"]
    measured = {**known, "random_similarity": {"mean": 0.01481}}
    _say(copied, fingerprint="e" * 64, mining=measured)
    assert data_revision(FaceRef.open(copied)) == data_revision(FaceRef.open(tiny_face_ref))


def test_what_earlier_sets_said_of_an_option_without_effect_does_not_change_it(copied: Path):
    known = FaceRef.open(copied).manifest["mining"]
    assert "min_similarity" not in known
    revision = data_revision(FaceRef.open(copied))
    _say(copied, mining={**known, "min_similarity": None})
    assert data_revision(FaceRef.open(copied)) == revision


def test_the_digest_of_references_depends_on_order_and_face():
    found = references_digest([["a", "b"], ["c"]])
    assert found == references_digest([["a", "b"], ["c"]])
    assert found != references_digest([["b", "a"], ["c"]])
    assert found != references_digest([["a"], ["b", "c"]])
