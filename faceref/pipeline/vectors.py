"""What the parts of a build know of each usable face as numbers, in arrays of all faces.

They are most of what a build knows, so they lie in files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceref.arrays import write_array
from faceref.pipeline.checkpoints import VECTOR_COLUMNS
from faceref.pipeline.likeness import Finished
from faceref.similarity.vectors import BLOCK, appearance


@dataclass(frozen=True, eq=False)
class FaceVectors:
    """One row a usable face, in the order of the source."""

    embeddings: np.ndarray
    """L2-normalised float32 (N, D)."""
    thumbnails: np.ndarray
    """uint8 (N, 16, 16, 3)."""
    hashes: np.ndarray
    """uint8 (N, 64), see `faceref.curation.duplicates.face_hashes`."""
    appearance: np.ndarray
    """float32 (N, 768), see `faceref.similarity.vectors.appearance`."""


def map_vectors(finished: Finished, faces: int, folder: Path) -> FaceVectors:
    """The vectors of the `faces` usable faces of a build, at least one, in files of `folder`."""
    embeddings, thumbnails, hashes = (
        write_array(folder / f"{name}.npy", faces, _blocks(finished, name))
        for name in VECTOR_COLUMNS
    )
    thumbnails = thumbnails.reshape(-1, 16, 16, 3)
    starts = range(0, faces, BLOCK)
    looks = (appearance(thumbnails[start : start + BLOCK]) for start in starts)
    return FaceVectors(
        embeddings, thumbnails, hashes, write_array(folder / "appearance.npy", faces, looks)
    )


def _blocks(finished: Finished, name: str) -> Iterator[np.ndarray]:
    """A column of the usable faces, part by part."""
    for table in finished.tables((name, "reject")):
        used = table.filter(table["reject"].is_null())
        if used.num_rows:
            yield _rows(used[name])


def _rows(column: pa.ChunkedArray) -> np.ndarray:
    """The lists of numbers, or the bytes, of a column as an array (N, D)."""
    if pa.types.is_binary(column.type):
        return np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(len(column), -1)
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)
