"""What the parts of a build know of each usable face as numbers, in arrays of all faces.

They are most of what a build holds in memory, so each is filled part by part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from faceref.pipeline.checkpoints import VECTOR_COLUMNS
from faceref.pipeline.likeness import Finished


@dataclass(frozen=True, eq=False)
class FaceVectors:
    """One row a usable face, in the order of the source."""

    embeddings: np.ndarray
    """L2-normalised float32 (N, D)."""
    thumbnails: np.ndarray
    """uint8 (N, 16, 16, 3)."""
    hashes: np.ndarray
    """uint8 (N, 64), see `faceref.curation.duplicates.face_hashes`."""


def read_vectors(finished: Finished, faces: int) -> FaceVectors:
    """The vectors of the `faces` usable faces of a build, at least one."""
    filled, arrays = 0, dict[str, np.ndarray]()
    for table in finished.tables((*VECTOR_COLUMNS, "reject")):
        used = table.filter(table["reject"].is_null())
        for name in VECTOR_COLUMNS if used.num_rows else ():
            rows = _rows(used[name])
            if name not in arrays:
                arrays[name] = np.empty((faces, rows.shape[1]), rows.dtype)
            arrays[name][filled : filled + len(rows)] = rows
        filled += used.num_rows
    assert filled == faces
    embeddings, thumbnails, hashes = (arrays[name] for name in VECTOR_COLUMNS)
    return FaceVectors(embeddings, thumbnails.reshape(-1, 16, 16, 3), hashes)


def _rows(column: pa.ChunkedArray) -> np.ndarray:
    """The lists of numbers, or the bytes, of a column as an array (N, D)."""
    if pa.types.is_binary(column.type):
        return np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(len(column), -1)
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)
