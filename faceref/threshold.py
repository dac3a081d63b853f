"""How alike two faces must be to be the same person: one threshold for each set and embedder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

DRAWS = 2_000_000
"""Random pairs that the tail is measured on."""
TAIL = (1e-2, 1e-4)
"""Upper probabilities between which the tail is fitted."""
FEWEST = 20
"""Pairs that must lie beyond a quantile for it to be used."""
BINS = 60
NONE_ALIKE = 2.0
"""A cosine that no pair reaches."""


@dataclass(frozen=True)
class SamePerson:
    """Cosine above which two faces are taken for one person."""

    value: float
    method: str
    """`one false pair`, `valley`, or `given`."""
    pairs: int = 0
    """Pairs of faces, or nearest neighbours, that it was measured on."""

    def manifest(self) -> dict[str, Any]:
        """As the manifest records it."""
        return asdict(self)


def one_false_pair(
    embeddings: np.ndarray, labels: Sequence[str] | np.ndarray, seed: int
) -> SamePerson:
    """The cosine that one pair of different people in the whole set is expected to exceed.

    `embeddings` is L2-normalised (N, D). Similarities of random pairs of different label have a
    tail that is normal to a good approximation; a line through its quantiles against those of the
    normal distribution is followed to the probability of one pair in N (N - 1) / 2. So chains of
    merely alike people do not form, however large the set; and wrong labels, far beyond the fitted
    part of the tail, do not move it.
    """
    rng = np.random.default_rng(seed)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    total = len(embeddings) * (len(embeddings) - 1) / 2
    scores = _random_scores(embeddings, codes, rng)
    deepest = max(TAIL[1], FEWEST / max(1, len(scores)))
    if deepest >= TAIL[0]:
        return SamePerson(NONE_ALIKE, "one false pair", len(scores))
    chances = np.geomspace(TAIL[0], deepest, 9)
    normal = np.array([NormalDist().inv_cdf(1 - chance) for chance in chances])
    slope, offset = np.polyfit(normal, np.quantile(scores, 1 - chances), 1)
    value = offset + slope * NormalDist().inv_cdf(1 - min(0.5, 1 / total))
    return SamePerson(round(float(value), 4), "one false pair", len(scores))


def _random_scores(
    embeddings: np.ndarray, codes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    draws = min(DRAWS, len(embeddings) * (len(embeddings) - 1) // 2)
    found = []
    for start in range(0, draws, 100_000):
        left, right = rng.integers(0, len(embeddings), (2, min(100_000, draws - start)))
        other = codes[left] != codes[right]
        found.append(np.einsum("nd,nd->n", embeddings[left[other]], embeddings[right[other]]))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def valley(nearest: np.ndarray) -> SamePerson | None:
    """The lowest place between the two peaks of nearest-neighbour similarities (N,), or None.

    For sets without labels: one peak is of faces whose person has another image, one of those whose
    nearest is somebody else. The histogram is smoothed until it has two peaks; where the valley is
    no deeper than nine tenths of the lower peak there is none.
    """
    counts, edges = np.histogram(nearest, BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    kernel = np.ones(3) / 3
    smooth = counts.astype(np.float64)
    for _ in range(200):
        smooth = np.convolve(np.pad(smooth, 1), kernel, "valid")
        peaks = _peaks(smooth)
        if len(peaks) == 2:
            low = peaks[0] + int(np.argmin(smooth[peaks[0] : peaks[1] + 1]))
            if smooth[low] > 0.9 * min(smooth[peaks]):
                return None
            return SamePerson(round(float(middles[low]), 4), "valley", len(nearest))
        if len(peaks) < 2:
            return None
    return None


def _peaks(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 1, constant_values=-1)
    return np.flatnonzero((values > padded[:-2]) & (values >= padded[2:]))
