"""Nearest-neighbour search by inner product: exact, or an inverted file above a size.

A `Search` answers for the pool that it was opened on. faiss does the work, on CPU or GPU.
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
"""Pool size above which `auto` takes the inverted file: exact search is quadratic."""
BLOCK = 100_000
"""Vectors added to an inverted file at a time."""
DEEP = 1024
"""Neighbours asked for above which the inverted file hands over to exact search."""
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
    index = faiss.index_cpu_to_gpu(_gpu(faiss), 0, faiss.IndexFlatIP(vectors.shape[1]))
    index.add(np.ascontiguousarray(vectors))
    return lambda queries, count: (search if count > GPU_MOST else index.search)(queries, count)


@dataclass(frozen=True, eq=False)
class Use:
    """What of the neighbours will be used: the first `count` that are of another person."""

    count: int
    fetch: int
    """Neighbours that are fetched to find them."""
    people: np.ndarray
    """Code of the person of each probe, (M,)."""
    pool: np.ndarray
    """Code of the person of each vector of the pool, (N,)."""

    def wanted(self, probes: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The first `count` of `rows` (B, fetch) that are others than `probes` (B,); else -1."""
        other = (rows >= 0) & (self.pool[np.maximum(rows, 0)] != self.people[probes, None])
        places = np.argsort(~other, axis=1, kind="stable")[:, : self.count]
        kept = np.take_along_axis(other, places, 1)
        return np.where(kept, np.take_along_axis(rows, places, 1), -1)


def open_ivf(
    vectors: np.ndarray, probes: np.ndarray, use: Use, rule: SearchRule, device: str = "cpu"
) -> tuple[Search, dict[str, Any]]:
    """Search by an inverted file (Sivic and Zisserman, ICCV 2003), and what it was measured at.

    The lists are trained once on a seeded sample, vectors added by blocks, and the number of lists
    that are visited doubled until the recall is reached. Recall is of neighbours of other people,
    for the probe's own are nearer and any index finds them.

    Args:
        vectors: The pool, float32 (N, V).
        probes: What will be searched for, float32 (M, V); a sample of them measures recall.
        use: Which of the neighbours count.
        rule: The recall wanted, and on how many probes.
        device: `cpu` or `cuda`.

    Returns:
        The search, and a report with `lists`, `visited`, `recall` and `recall_at`.
    """
    faiss = load_faiss()
    rng = np.random.default_rng(rule.seed)
    index, lists = _trained(faiss, vectors, rng, rule.seed)
    if device == "cuda":
        index = faiss.index_cpu_to_gpu(_gpu(faiss), 0, index)
    for start in range(0, len(vectors), BLOCK):
        index.add(np.ascontiguousarray(vectors[start : start + BLOCK]))
    exact = open_search(vectors)
    chosen = np.sort(rng.choice(len(probes), min(rule.sample, len(probes)), replace=False))
    sample = np.ascontiguousarray(probes[chosen])
    wanted = use.wanted(chosen, exact(sample, use.fetch)[1])
    visited, most = 1, min(lists, GPU_MOST) if device == "cuda" else lists

    def search(queries: np.ndarray, fetch: int) -> tuple[np.ndarray, np.ndarray]:
        return exact(queries, fetch) if fetch > DEEP else index.search(queries, fetch)

    while True:
        index.nprobe = visited
        recall = _recall(use.wanted(chosen, search(sample, use.fetch)[1]), wanted)
        if recall >= rule.recall or visited == most:
            break
        visited = min(2 * visited, most)

    report = {"lists": lists, "visited": visited, "recall": round(recall, 4)}
    report["recall_at"] = use.count
    return search, report


def _trained(
    faiss: Any, vectors: np.ndarray, rng: np.random.Generator, seed: int
) -> tuple[Any, int]:
    """An empty inverted file with 4 sqrt(N) lists, trained on up to 64 vectors a list."""
    lists = max(1, min(int(4 * np.sqrt(len(vectors))), len(vectors) // 39))
    size = vectors.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed + 1
    index.cp.spherical = True
    rows = rng.choice(len(vectors), min(len(vectors), 64 * lists), replace=False)
    index.train(np.ascontiguousarray(vectors[np.sort(rows)]))
    return index, lists


def _recall(found: np.ndarray, wanted: np.ndarray) -> float:
    hits = (found[:, :, None] == wanted[:, None, :]) & (wanted[:, None, :] >= 0)
    return float(hits.any(1).sum() / max(1, (wanted >= 0).sum()))


def load_faiss() -> Any:
    """The module faiss, as Any: the stubs of its wheels do not know the numpy interface."""
    import torch  # noqa: F401  faiss-gpu needs the CUDA libraries that torch has loaded

    import faiss  # isort: skip

    return faiss


def _gpu(faiss: Any) -> Any:
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
