"""Uncertainty of means over images, and which differences of means are more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
SEED = 0
ALPHA = 0.05
"""Chance of one or more false differences among all pairs of a leaderboard."""
_AT_A_TIME = 200


def bootstrap(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values` (Efron and Tibshirani, 1993).

    Images are drawn with replacement 2,000 times, with a fixed seed. For a difference of two
    methods give the differences image by image: then it is the paired interval.
    """
    return interval(resampled_means(np.asarray(values, np.float64)[None])[:, 0], level)


def interval(means: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the resampled `means` of one row, or of a difference of two."""
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def with_interval(mean: float, low: float, high: float, digits: int = 3) -> str:
    """A difference and its interval as pages print them: `+0.044 [+0.041, +0.047]`."""
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def p_text(p: float) -> str:
    """As pages print it: `p < 0.001` or `p = 0.012`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def resampled_means(scores: np.ndarray) -> np.ndarray:
    """Means (2000, R) of `scores` (R, N) over images drawn with replacement, with a fixed seed.

    All rows share the draws, so the difference of two columns is the paired bootstrap of the
    difference of two rows.
    """
    images = scores.shape[1]
    draws = np.random.default_rng(SEED).integers(0, images, (RESAMPLES, images))
    means = np.empty((RESAMPLES, len(scores)))
    for start in range(0, RESAMPLES, _AT_A_TIME):
        part = draws[start : start + _AT_A_TIME]
        places = part + np.arange(len(part))[:, None] * images
        counts = np.bincount(places.ravel(), minlength=part.size).reshape(part.shape)
        means[start : start + _AT_A_TIME] = counts.astype(np.float64) @ scores.T / images
    return means


def bootstrap_p(scores: np.ndarray, means: np.ndarray | None = None) -> np.ndarray:
    """Two-sided p (R, R) that rows of `scores` (R, N) have equal means, image by image.

    The difference of means over its paired bootstrap standard error, taken as normal: unlike
    counting resamples, that can be small enough to bear correction for many pairs. Equal rows give
    1. `means` are the resampled means, where they are known.
    """
    drawn = resampled_means(scores) if means is None else means
    covariance = np.cov(drawn.T).reshape(len(scores), len(scores))
    spread = np.diag(covariance)
    error = np.sqrt(np.maximum(spread[:, None] + spread[None, :] - 2 * covariance, 0))
    average = scores.mean(1)
    difference = np.abs(average[:, None] - average[None, :])
    # Below that a difference is rounding: of equal rows, and of rows a constant apart.
    size = np.where(difference > 1e-9, difference / np.maximum(error, 1e-12), 0.0)
    return np.vectorize(math.erfc, otypes=[float])(size / math.sqrt(2))


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """p corrected for their number, in their order (Holm, Scand. J. Statistics 6, 1979)."""
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def ranks(scores: np.ndarray, p: np.ndarray) -> list[int]:
    """Rank of each row of `scores` (R, N): 1 and the number of rows that are better beyond chance.

    `p` (R, R) is corrected by Holm over all pairs; differences that are not significant at 5 % are
    ties, and tied rows may share a rank.
    """
    rows, columns = np.triu_indices(len(scores), 1)
    significant = np.zeros((len(scores), len(scores)), bool)
    significant[rows, columns] = holm(p[rows, columns]) < ALPHA
    average = scores.mean(1)
    better = average[:, None] > average[None, :]
    return (1 + ((significant | significant.T) & better).sum(0)).tolist()
