"""Arrays in files that are mapped into memory: the system holds as much of them as it has room for.

So what is known of millions of faces need not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from faceref.files import replacing


def write_array(path: Path, rows: int, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Write an array block by block, and map it.

    Args:
        path: The file, `.npy`.
        rows: All rows.
        blocks: They, in order, in at least one block; all of one type, shape (B, ...).

    Returns:
        The array (rows, ...), as `map_array` gives it.

    Raises:
        UnwritableError: Where the system does not let it be written: the disk is full, ...
    """
    begun, left = False, rows
    with replacing(path) as temporary, temporary.open("wb") as file:
        for block in map(np.ascontiguousarray, blocks):
            if not begun:
                head = np.lib.format.header_data_from_array_1_0(block)
                head["shape"] = (rows, *block.shape[1:])
                np.lib.format.write_array_header_1_0(file, head)
            file.write(block.data)
            begun, left = True, left - len(block)
        assert begun
        assert left == 0
    return map_array(path)


def map_array(path: Path) -> np.ndarray:
    """The array of a file; what is written to it stays in memory and never reaches the file."""
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
