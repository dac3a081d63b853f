"""Uncertainty of means over images, and which differences of means are more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
SEED = 0
ALPHA = 0.05
"""Chance of one or more false differences among all pairs of a leaderboard."""
_AT_A_TIME = 200


@dataclass(frozen=True)
class Resampled:
    """Means of rows of scores over people who were drawn with replacement."""

    means: np.ndarray
    """(2000, R)."""
    people: int
    """How many there are to draw from."""

    def interval(
        self, row: int, base: int | None = None, level: float = 0.95
    ) -> tuple[float, float]:
        """Interval of the mean of `row`, or of its difference from that of `base`.

        Percentiles, set wider apart where there are few people: with seven, plain percentiles hold
        the true mean in fewer than 90 of 100 cases (Hesterberg, The American Statistician 69, 2015,
        "expanded percentile interval").
        """
        from scipy.special import ndtr, stdtrit

        drawn = self.means[:, row] - (0 if base is None else self.means[:, base])
        tail = (1 - level) / 2
        if self.people > 1:
            tail = ndtr(stdtrit(self.people - 1, tail) * self.widening)
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)

    @property
    def widening(self) -> float:
        """By which the spread of resampled means is too small, as it is that of people drawn."""
        return math.sqrt(self.people / (self.people - 1)) if self.people > 1 else 1.0


def bootstrap(
    values: Sequence[float] | np.ndarray, people: np.ndarray | None = None
) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of `values`, see `resample`.

    For a difference of two methods give the differences image by image: then it is the paired
    interval.
    """
    return resample(np.asarray(values, np.float64)[None], people).interval(0)


def with_interval(mean: float, low: float, high: float, digits: int = 3) -> str:
    """A difference and its interval as pages print them: `+0.044 [+0.041, +0.047]`."""
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def p_text(p: float) -> str:
    """As pages print it: `p < 0.001` or `p = 0.012`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def resample(scores: np.ndarray, people: np.ndarray | None = None) -> Resampled:
    """Means of `scores` (R, N) over people drawn with replacement, 2,000 times, with a fixed seed.

    Images of one person are drawn together, as they are not independent (the cluster bootstrap of
    Davison and Hinkley, Bootstrap Methods and their Application, 1997, 3.8). `people` (N,) numbers
    the person of each image; None, or one person alone, draws image by image.

    All rows share the draws, so the difference of two columns is the paired bootstrap of the
    difference of two rows.
    """
    sums, sizes = _by_person(scores, people)
    count = len(sizes)
    draws = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    means = np.empty((RESAMPLES, len(scores)))
    for start in range(0, RESAMPLES, _AT_A_TIME):
        part = draws[start : start + _AT_A_TIME]
        places = part + np.arange(len(part))[:, None] * count
        times = np.bincount(places.ravel(), minlength=part.size).reshape(part.shape)
        weights = times.astype(np.float64)
        means[start : start + _AT_A_TIME] = (weights @ sums.T) / (weights @ sizes)[:, None]
    return Resampled(means, count)


def _by_person(scores: np.ndarray, people: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the scores of each person (R, P), and how many images each has (P,)."""
    if people is None or len(np.unique(people)) < 2:
        return scores, np.ones(scores.shape[1])
    order = np.argsort(people, kind="stable")
    _, starts, sizes = np.unique(people[order], return_index=True, return_counts=True)
    return np.add.reduceat(scores[:, order], starts, axis=1), sizes.astype(np.float64)


def bootstrap_p(scores: np.ndarray, drawn: Resampled) -> np.ndarray:
    """Two-sided p (R, R) that rows of `scores` (R, N) have equal means, image by image.

    The difference of means over its paired bootstrap standard error, by Student's t with as many
    degrees of freedom as there are people, less one: unlike counting resamples, that can be small
    enough to bear correction for many pairs. Equal rows give 1, and so does one image alone, of
    which nobody knows how it varies.
    """
    from scipy.special import stdtr

    if drawn.people < 2:
        return np.ones((len(scores), len(scores)))
    covariance = np.cov(drawn.means.T).reshape(len(scores), len(scores))
    spread = np.diag(covariance)
    error = np.sqrt(np.maximum(spread[:, None] + spread[None, :] - 2 * covariance, 0))
    average = scores.mean(1)
    difference = np.abs(average[:, None] - average[None, :])
    # Below that a difference is rounding: of equal rows, and of rows a constant apart.
    size = np.where(difference > 1e-9, difference / np.maximum(error, 1e-12), 0.0)
    return 2 * stdtr(max(drawn.people - 1, 1), -size / drawn.widening)


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """p corrected for their number, in their order (Holm, Scand. J. Statistics 6, 1979)."""
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def ranks(differences: np.ndarray, p: np.ndarray) -> list[int]:
    """Rank of each of R rows: 1 and the number of rows that are better beyond chance.

    `differences` (R, R) are of the means, row minus column. `p` (R, R) is corrected by Holm over
    all pairs; differences that are not significant at 5 % are ties, and tied rows may share a rank.
    """
    rows, columns = np.triu_indices(len(p), 1)
    significant = np.zeros(p.shape, bool)
    significant[rows, columns] = holm(p[rows, columns]) < ALPHA
    return (1 + ((significant | significant.T) & (differences > 0)).sum(0)).tolist()
