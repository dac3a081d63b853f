"""Pairs of faces that are near each other by identity embedding, and what they form together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceref.search import load_faiss

COUNT = 32
"""Neighbours of each face that are looked at."""
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of rows, each once, `left` below `right`; three arrays (P,)."""

    left: np.ndarray
    right: np.ndarray
    score: np.ndarray
    """Cosine of the embeddings."""

    def where(self, chosen: np.ndarray) -> Pairs:
        """The pairs that the mask `chosen` (P,) marks."""
        return Pairs(self.left[chosen], self.right[chosen], self.score[chosen])

    def __len__(self) -> int:
        return len(self.left)


def nearest_pairs(embeddings: np.ndarray, count: int = COUNT) -> Pairs:
    """Each face with its `count` nearest others, as pairs in the order of their rows.

    `embeddings` is L2-normalised float32 (N, D). Exact, by blocks: memory grows with N x `count`.
    """
    faiss = load_faiss()
    keep = min(count + 1, len(embeddings))
    found = []
    for start in range(0, len(embeddings), BLOCK):
        block = np.ascontiguousarray(embeddings[start : start + BLOCK])
        scores, rows = faiss.knn(block, embeddings, keep, metric=faiss.METRIC_INNER_PRODUCT)
        probes = np.repeat(np.arange(start, start + len(block)), keep)
        found.append((probes, rows.ravel(), scores.ravel()))
    probes, rows, scores = (np.concatenate(part) for part in zip(*found, strict=True))
    low, high = np.minimum(probes, rows), np.maximum(probes, rows)
    real = (low != high) & (low >= 0)
    codes, first = np.unique((low * len(embeddings) + high)[real], return_index=True)
    return Pairs(codes // len(embeddings), codes % len(embeddings), scores[real][first])


def components(size: int, *edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Code of each row's connected component, int64 (N,), numbered by their first rows.

    `edges` are pairs of arrays of rows.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    left, right = (np.concatenate([pair[side] for pair in edges]) for side in (0, 1))
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    codes = connected_components(graph, directed=False)[1]
    first = np.unique(codes, return_index=True)[1]
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[codes]


def label_edges(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges that connect the rows of each label to its first row; `labels` is (N,)."""
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    return first[codes], np.arange(len(labels))
