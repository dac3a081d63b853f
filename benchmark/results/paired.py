"""The difference of two rows, image by image: one implementation for every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from benchmark.results.ranking import scores_of
from benchmark.results.result import Result, on_shared_trainings
from benchmark.results.statistics import bootstrap_p, holm, resample, with_interval


@dataclass(frozen=True)
class Paired:
    """Mean of one row minus that of another, over the same images."""

    mean: float
    low: float
    high: float
    """95 % interval: bootstrapped over people, where a subclass does not say otherwise."""
    p: float
    """That it is chance, two-sided."""

    def text(self, digits: int = 3) -> str:
        """As pages print it: `+0.044 [+0.041, +0.047]`."""
        return with_interval(self.mean, self.low, self.high, digits)


def paired(
    scores: Sequence[float] | np.ndarray,
    base: Sequence[float] | np.ndarray,
    people: np.ndarray | None = None,
) -> Paired:
    """Scores minus those of `base`, image by image; both (N,).

    `people` (N,) numbers the person of each image; None: each is of its own.
    """
    both = np.array([scores, base], np.float64)
    drawn = resample(both, people)
    mean = float((both[0] - both[1]).mean())
    return Paired(mean, *drawn.interval(0, 1), float(bootstrap_p(both, drawn)[0, 1]))


def paired_results(row: Result, rival: Result, metric: str) -> Paired:
    """One result minus another in a metric that both have for every image.

    Of results that share trainings only these are compared.
    """
    ours, theirs = scores_of(on_shared_trainings(row, rival), metric)
    return paired(ours, theirs, row.people)


def over_zero(
    differences: Sequence[float] | np.ndarray, people: np.ndarray | None = None
) -> Paired:
    """Differences (N,) that were taken image by image before."""
    return paired(differences, np.zeros(len(differences)), people)


Some = TypeVar("Some", bound=Paired)


def corrected(found: Sequence[Some]) -> list[Some]:
    """The same with p corrected for their number (Holm)."""
    if not found:
        return []
    values = holm([one.p for one in found])
    return [replace(one, p=float(p)) for one, p in zip(found, values, strict=True)]
