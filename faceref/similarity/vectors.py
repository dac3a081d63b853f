"""Likeness by identity, appearance or both, as vectors whose inner product measures it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceref.errors import unknown_choice

LIKENESSES = ("identity", "appearance", "both")
PAIRS = 10_000
BLOCK = 4096
"""Faces that are worked on at a time."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """One likeness of all faces, for either side of a search."""

    queries: np.ndarray
    """What is searched for: float32 (N, V)."""
    keys: np.ndarray
    """What is searched in: float32 (N, V); the same array where both sides have the same."""


def appearance(thumbnails: np.ndarray) -> np.ndarray:
    """Vectors whose inner product is the normalised correlation of 16x16 RGB faces.

    Takes uint8 (N, 16, 16, 3); each colour's mean is taken away, then the whole is brought to
    length one: float32 (N, 768). This is all that a system has that sees only the LR face.
    """
    values = thumbnails.astype(np.float32, order="C")
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        block -= block.mean(axis=(1, 2), keepdims=True)
        flat = block.reshape(len(block), -1)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return values.reshape(len(values), -1)


def likeness(kind: str, identity: Vectors, appearances: np.ndarray, seed: int = 0) -> Vectors:
    """Vectors of the likeness `kind`, one of `LIKENESSES`.

    `identity` holds identity embeddings (N, D), `appearances` the result of `appearance`, (N, 768),
    both of unit length.

    `both` is the sum of their z-scores, each over random pairs: that is a weighted
    mean of the two cosines, with weights inverse to their spreads, up to a constant; so one search
    by inner product serves it.
    """
    if kind == "identity":
        return identity
    if kind == "appearance":
        return Vectors(appearances, appearances)
    if kind != "both":
        raise unknown_choice("likeness", kind, LIKENESSES)
    weights = weights_of_both(identity, appearances, seed)
    queries = weighted(weights, identity.queries, appearances)
    if identity.queries is identity.keys:
        return Vectors(queries, queries)
    return Vectors(queries, weighted(weights, identity.keys, appearances))


def weights_of_both(identity: Vectors, appearances: np.ndarray, seed: int = 0) -> np.ndarray:
    """Weights of the two cosines in the likeness `both`, float32 (2,), of sum one."""
    spreads = _spread(identity, seed), _spread(Vectors(appearances, appearances), seed)
    share = spreads[1] / (spreads[0] + spreads[1])
    return np.array([share, 1 - share], np.float32)


def weighted(weights: np.ndarray, identity: np.ndarray, appearances: np.ndarray) -> np.ndarray:
    """Vectors (N, D + 768) whose inner product is the weighted mean of the two cosines."""
    scale = np.sqrt(weights)
    return np.hstack([scale[0] * identity, scale[1] * appearances])


def _spread(vectors: Vectors, seed: int) -> float:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, len(vectors.keys), (2, PAIRS))
    keep = left != right
    scores = np.einsum("nd,nd->n", vectors.queries[left[keep]], vectors.keys[right[keep]])
    return float(scores.std()) or 1.0
