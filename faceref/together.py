"""Nearest neighbours of a set within itself: each inner product is computed once and used twice.

The table of all pairs is symmetric. It is computed by tiles of its upper half; a tile goes to the
heaps of its rows and, turned, to those of its columns: little more than half the work of a search
for every vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TILE = 2048
"""Vectors on each side of a tile."""
BYTES_KEPT = 2**30
"""Memory that the neighbours of all vectors may take while the tiles go by."""
BYTES_PER_NEIGHBOUR = 12


def fits(vectors: int, k: int) -> bool:
    """Whether `k` neighbours of so many vectors can be kept at once."""
    return vectors * k * BYTES_PER_NEIGHBOUR <= BYTES_KEPT


def nearest_together(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest of each of `vectors`, float32 (N, V), among all, itself included.

    Gives inner products, float32, and rows, int64, best first: two arrays (N, k); k is at most N.
    """
    heaps = _Heaps(len(vectors), k)
    straight, turned = np.empty((2, TILE * TILE), np.float32)
    for top in range(0, len(vectors), TILE):
        upper = vectors[top : top + TILE]
        for left in range(top, len(vectors), TILE):
            lower = vectors[left : left + TILE]
            tile = straight[: len(upper) * len(lower)].reshape(len(upper), len(lower))
            np.matmul(upper, lower.T, out=tile)
            heaps.add(tile, top, left)
            if left > top:
                heaps.add(_turn(tile, turned), left, top)
    return heaps.ordered()


def _turn(tile: np.ndarray, buffer: np.ndarray) -> np.ndarray:
    import torch

    turned = buffer[: tile.size].reshape(tile.shape[::-1])
    torch.from_numpy(turned).copy_(torch.from_numpy(tile).t())
    return turned


class _Heaps:
    """The k best of each vector so far, kept by faiss."""

    def __init__(self, vectors: int, k: int) -> None:
        from faceref.search import load_faiss

        self._pointer = load_faiss().swig_ptr
        self._scores = np.empty((vectors, k), np.float32)
        self._rows = np.empty((vectors, k), np.int64)
        self._heaps: Any = load_faiss().float_minheap_array_t()
        self._heaps.nh, self._heaps.k = vectors, k
        self._heaps.val = self._pointer(self._scores)
        self._heaps.ids = self._pointer(self._rows)
        self._heaps.heapify()

    def add(self, tile: np.ndarray, first_query: int, first_row: int) -> None:
        """Take in the scores of consecutive queries (rows of `tile`) and consecutive vectors."""
        queries, vectors = tile.shape
        self._heaps.addn(vectors, self._pointer(tile), first_row, first_query, queries)

    def ordered(self) -> tuple[np.ndarray, np.ndarray]:
        self._heaps.reorder()
        return self._scores, self._rows
