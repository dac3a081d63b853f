"""Whom to credit for the images of a set, where its source says so: `credits.parquet`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import pyarrow as pa

from faceref.files import write_table
from faceref.record import Record

CREDITS = "credits.parquet"


def write_credits(root: Path, records: Iterable[Record], kept: Collection[str]) -> int:
    """Write the credit of every record whose image id is in `kept`; returns the number of rows.

    Columns: image_id, then whatever the source gives (author, licence, ...), sorted by name. Where
    the source gives none, no file is written.
    """
    rows = [
        {"image_id": record.image_id, **record.credit}
        for record in records
        if record.credit is not None and record.image_id in kept
    ]
    if rows:
        names = sorted({name for row in rows for name in row} - {"image_id"})
        schema = pa.schema([(name, pa.string()) for name in ("image_id", *names)])
        write_table(root / CREDITS, pa.Table.from_pylist(rows, schema=schema))
    return len(rows)
