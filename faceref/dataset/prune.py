"""Taking images out of the rows of a set, and out of everything that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceref.dataset import store
from faceref.dataset.credits import CREDITS
from faceref.dataset.store import AGAIN
from faceref.files import write_table
from faceref.reading.parquet import read_parquet

Row = dict[str, Any]


def without(rows: Sequence[Mapping[str, Any]], gone: Set[str]) -> list[Row]:
    """The rows whose image is not `gone`, with no reference to one that is."""
    kept = []
    for row in rows:
        if row["image_id"] not in gone:
            lists = {
                name: [item for item in row[name] if item["image_id"] not in gone]
                for name in store.REFERENCE_LISTS
            }
            kept.append({**row, **lists})
    return kept


def renamed(rows: Sequence[Row]) -> list[Row]:
    """The rows, each component named by the first of the labels in it, as a build names them."""
    first: dict[str | None, str] = {}
    for row in rows:
        if row["component"] is not None:
            known = first.setdefault(row["component"], row["identity"])
            first[row["component"]] = min(known, row["identity"])
    return [{**row, "component": first.get(row["component"])} for row in rows]


def shortened(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the rows of `after` that lost a reference."""
    size = {row["image_id"]: [len(row[name]) for name in store.REFERENCE_LISTS] for row in before}
    return [
        row["image_id"]
        for row in after
        if size[row["image_id"]] != [len(row[name]) for name in store.REFERENCE_LISTS]
    ]


ID_COLUMNS = {
    store.DUPLICATES: ("image_id", "duplicate_of"),
    store.LABEL_NOISE: ("image_id", "other_id"),
    store.REJECTS: ("image_id",),
    CREDITS: ("image_id",),
}
"""Tables of a set and their columns that name images."""


def copy_tables(root: Path, out: Path, gone: Set[str]) -> None:
    """Copy the tables of the set `root` to `out`, without the rows that name what is gone."""
    for name, columns in ID_COLUMNS.items():
        if (root / name).is_file():
            ids = pa.schema([(column, pa.string()) for column in columns])
            table = read_parquet(root / name, AGAIN, ids)
            named = zip(*(table[column].to_pylist() for column in columns), strict=True)
            keep = pa.array([gone.isdisjoint(ids) for ids in named], pa.bool_())
            write_table(out / name, table.filter(keep) if gone else table)
    if (root / store.ORACLE).is_file():
        _copy_oracle(root, out, gone)


def _copy_oracle(root: Path, out: Path, gone: Set[str]) -> None:
    schema, names = store.ORACLE_SCHEMA, store.ORACLE_SCHEMA.names
    rows = read_parquet(root / store.ORACLE, AGAIN, schema, whole=set(names)).to_pylist()
    kept = [row for row in rows if row["image_id"] not in gone]
    lists = [
        [
            (item["image_id"], item["score"])
            for item in row["refs_same"]
            if item["image_id"] not in gone
        ]
        for row in kept
    ]
    store.write_oracle(out, [row["image_id"] for row in kept], lists)
