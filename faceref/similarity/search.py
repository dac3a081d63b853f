"""Nearest-neighbour search by inner product, exactly.

A `Search` answers for the pool that it was opened on. faiss does the work, on CPU or GPU. Larger
pools are searched by inverted lists, see `inverted.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceref.errors import FaceRefError, unknown_choice

Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Scores and rows of the k nearest of a pool, for vectors (B, V): two arrays (B, k).

Where fewer than k are found the rest of the rows is -1.
"""
INDEXES = ("auto", "exact", "ivf")
EXACT_UP_TO = 500_000
"""Pool size above which `auto` takes inverted lists: exact search is quadratic."""
GPU_MOST = 2048
"""Neighbours, and lists visited, that faiss can do on a GPU; beyond, the CPU searches."""


@dataclass(frozen=True)
class SearchRule:
    """How neighbours are searched."""

    kind: str = "auto"
    """`exact`, `ivf`, or `auto`: exact up to 500,000 faces."""
    recall: float = 0.95
    """Fraction of the exact neighbours that `ivf` must find on a sample of probes."""
    sample: int = 1000
    """Probes of that sample."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in INDEXES:
            raise unknown_choice("search", self.kind, INDEXES)
        if not 0 < self.recall <= 1:
            raise FaceRefError(f"recall={self.recall:g}: a fraction above 0, at most 1.")

    def exact(self, size: int) -> bool:
        """Whether a pool of `size` faces is searched exactly."""
        return self.kind == "exact" or (self.kind == "auto" and size <= EXACT_UP_TO)


def open_search(vectors: np.ndarray, device: str = "cpu") -> Search:
    """Exact search by inner product, without a copy of the vectors on the CPU.

    Args:
        vectors: The pool, float32 (N, V).
        device: `cpu` or `cuda`.

    Raises:
        FaceRefError: Where `device` is `cuda` and faiss has none.
    """
    faiss = load_faiss()

    def search(queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        return faiss.knn(queries, vectors, count, metric=faiss.METRIC_INNER_PRODUCT)

    if device != "cuda":
        return search
    index = faiss.index_cpu_to_gpu(gpu_of(faiss), 0, faiss.IndexFlatIP(vectors.shape[1]))
    index.add(np.ascontiguousarray(vectors))
    return lambda queries, count: (search if count > GPU_MOST else index.search)(queries, count)


def load_faiss() -> Any:
    """The module faiss, as Any: the stubs of its wheels do not know the numpy interface."""
    import torch  # noqa: F401  faiss-gpu needs the CUDA libraries that torch has loaded

    import faiss  # isort: skip

    return faiss


def gpu_of(faiss: Any) -> Any:
    """What faiss needs to work on a GPU; raises FaceRefError where it sees none."""
    if not getattr(faiss, "get_num_gpus", int)():
        raise FaceRefError(
            "--device cuda: faiss sees no CUDA device. Install faiss-gpu, or use --device cpu."
        )
    return faiss.StandardGpuResources()


TILE = 2048
"""Vectors on each side of a tile."""
BYTES_KEPT = 2**30
"""Memory that the neighbours of all vectors may take while the tiles go by."""
BYTES_PER_NEIGHBOUR = 12


def fits(vectors: int, k: int) -> bool:
    """Whether `k` neighbours of so many vectors can be kept at once."""
    return vectors * k * BYTES_PER_NEIGHBOUR <= BYTES_KEPT


def nearest_within(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of each vector among all of them, itself included, by inner product.

    Args:
        vectors: float32 (N, V).
        k: How many, at most N.

    Returns:
        Inner products, float32, and rows, int64, best first: two arrays (N, k).
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
