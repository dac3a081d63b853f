"""Identity groups: images that are probably of one person, found by their embeddings alone.

Two images are linked where their cosine reaches the same-person threshold and one is among the
other's nearest; a group is a connected component of these links.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceref.similarity.search import open_search

NEIGHBOURS = 32
"""Nearest images looked at for each image: enough to connect a person, whatever their images."""
BLOCK = 1024
"""Images searched at a time."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest images of each image, itself left out by its row."""

    rows: np.ndarray
    """int64, (N, K)."""
    scores: np.ndarray
    """Cosines, float32, (N, K), falling."""

    def nearest(self) -> np.ndarray:
        """The cosine of each image and its nearest, float32, (N,)."""
        return self.scores[:, 0]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images, each once, `left < right`; three arrays (P,)."""

    left: np.ndarray
    right: np.ndarray
    scores: np.ndarray

    def where(self, kept: np.ndarray) -> Pairs:
        """The pairs for which the boolean `kept` (P,) is true."""
        return Pairs(self.left[kept], self.right[kept], self.scores[kept])

    def __len__(self) -> int:
        return len(self.left)


def find_neighbours(
    embeddings: np.ndarray, count: int = NEIGHBOURS, device: str = "cpu"
) -> Neighbours:
    """The `count` nearest of each of the L2-normalised `embeddings` (N, D), exactly.

    Searched in blocks: beyond the vectors, memory is that of the result. With N images or fewer
    than `count + 1`, all others are given.
    """
    total = len(embeddings)
    wanted = min(count, total - 1)
    rows = np.empty((total, wanted), np.int64)
    scores = np.empty((total, wanted), np.float32)
    search = open_search(embeddings, device)
    for start in range(0, total, BLOCK):
        block = np.arange(start, min(start + BLOCK, total))
        found_scores, found = search(np.ascontiguousarray(embeddings[block]), wanted + 1)
        others = found != block[:, None]
        others[others.all(1), -1] = False
        rows[block] = found[others].reshape(-1, wanted)
        scores[block] = found_scores[others].reshape(-1, wanted)
    return Neighbours(rows, scores)


def pairs_above(neighbours: Neighbours, threshold: float | None) -> Pairs:
    """Neighbours with a cosine of at least `threshold`; no pair where that is None."""
    if threshold is None:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    left, place = np.nonzero(neighbours.scores >= threshold)
    right, scores = neighbours.rows[left, place], neighbours.scores[left, place]
    ends = np.stack([np.minimum(left, right), np.maximum(left, right)], 1)
    unique, first = np.unique(ends, axis=0, return_index=True)
    return Pairs(unique[:, 0], unique[:, 1], scores[first])


def connect(total: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Connected components of `total` images linked in pairs: int (N,), numbered by first image."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(total, total))
    found = connected_components(links, directed=False)[1]
    _, first, numbers = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers]


def group_names(groups: Sequence[int] | np.ndarray) -> list[str]:
    """Labels `group-00012` for the group numbers of images."""
    return [f"group-{number:05d}" for number in groups]


def is_group(label: str) -> bool:
    """Whether a label is one of `group_names`."""
    return re.fullmatch(r"group-\d{5,}", label) is not None
