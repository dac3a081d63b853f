"""Sets with other lists of references than those of the fixtures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef


def with_lists(root: Path, out: Path, change: Callable[[list], list]) -> FaceRef:
    """The set at `root`, copied to `out`, with each list as `change` makes it."""
    shutil.copytree(root, out)
    for file in (out / "data").glob("*.parquet"):
        table = pq.read_table(file)
        for name in store.REFERENCE_LISTS:
            place, column = table.column_names.index(name), table.column(name)
            made = pa.array([change(row) for row in column.to_pylist()], column.type)
            table = table.set_column(place, table.field(name), made)
        pq.write_table(table, file)
    return FaceRef.open(out)


def with_turned_lists(root: Path, out: Path) -> FaceRef:
    """The set at `root`, its best references last."""
    return with_lists(root, out, lambda row: row[::-1])


def with_lists_of(count: int, likeness: str, root: Path, out: Path) -> FaceRef:
    """The set at `root` with `count` references a list, `refs_lr` by `likeness`."""
    manifest = with_lists(root, out, lambda row: row[:count]).manifest
    kinds = {"refs_hr": "identity", "refs_lr": likeness}
    mining = {**manifest["mining"], "likeness": kinds}
    store.write_manifest(out, {**manifest, "references": count, "mining": mining})
    return FaceRef.open(out)
