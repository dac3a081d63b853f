"""Uncertainty of means over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
SEED = 0


def bootstrap(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values` (Efron and Tibshirani, 1993).

    Images are drawn with replacement 2,000 times, with a fixed seed. For a difference of two
    methods give the differences image by image: then it is the paired interval.
    """
    array = np.asarray(values, np.float64)
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, len(array), (RESAMPLES, len(array)))
    low, high = np.quantile(array[draws].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
