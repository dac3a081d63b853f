"""The images of the shards of a split: as they are stored, and decoded by all cores."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from faceref.console import Progress
from faceref.dataset.store import AGAIN, ROWS_PER_GROUP, SCHEMA, decode
from faceref.errors import FaceRefError
from faceref.hardware import usable_cores
from faceref.reading.boundary import cause
from faceref.reading.parquet import read_batches, read_rows

Encoded = tuple[str, bytes]
"""Image id and encoded image."""
COLUMNS = ("image_id", "image")


def stream(shards: Iterable[Path]) -> Iterator[Encoded]:
    """Every row of some shards, a few rows in memory at a time."""
    for path in shards:
        for batch in read_batches(path, AGAIN, SCHEMA, ROWS_PER_GROUP, columns=COLUMNS):
            yield from _rows(batch.to_pylist())


def stream_rows(shards: Iterable[tuple[Path, int]], rows: Sequence[int]) -> Iterator[Encoded]:
    """Some `rows`, ascending, each once, of shards with their numbers of rows.

    Row groups without any of them are not read. Raises ValueError for rows in another order.
    """
    if any(row >= after for row, after in pairwise(rows)):
        raise ValueError("rows must be ascending, each once")
    first = 0
    for path, count in shards:
        after = first + count
        places = [row - first for row in rows[bisect_left(rows, first) : bisect_left(rows, after)]]
        if places:
            for table in read_rows(path, AGAIN, SCHEMA, places, columns=COLUMNS):
                yield from _rows(table.to_pylist())
        first = after


def _rows(rows: list[dict]) -> Iterator[Encoded]:
    for row in rows:
        yield row["image_id"], row["image"]["bytes"]


def decode_face(root: Path, size: int, row: Encoded) -> np.ndarray:
    """The face of a row, uint8 RGB; raises FaceRefError where it is no image of `size`."""
    image_id, encoded = row
    try:
        face = decode(encoded)
    except Exception as error:  # Pillow raises errors of many kinds on damaged files.
        raise FaceRefError(
            f"{root}: the image of {image_id} is damaged ({cause(error)}). {AGAIN}"
        ) from error
    if face.shape != (size, size, 3):
        raise FaceRefError(
            f"{root}: the image of {image_id} is {face.shape[1]}x{face.shape[0]}, "
            f"expected {size}x{size}. {AGAIN}"
        )
    return face


def stacked(
    encoded: Iterator[Encoded],
    make: Callable[[Encoded], np.ndarray],
    count: int,
    side: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """What `make` makes of each of `count` rows, by all cores: uint8 (count, side, side, 3).

    Rows are read as they are needed: an Arrow array of all encoded faces holds 2 GiB at most.
    """
    made = np.zeros((count, side, side, 3), np.uint8)
    with ThreadPoolExecutor(usable_cores()) as threads:
        for start in range(0, count, ROWS_PER_GROUP):
            some = threads.map(make, list(islice(encoded, ROWS_PER_GROUP)))
            for row, one in enumerate(some, start):
                made[row] = one
            if progress:
                progress(min(start + ROWS_PER_GROUP, count), count)
    return made
