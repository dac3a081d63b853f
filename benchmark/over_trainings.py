"""Differences over trainings: what another seed of both rows would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark.board_notes import aside, unlike
from benchmark.protocol import METRICS
from benchmark.results import Result, label
from benchmark.uncertainty import holm, in_words, p_in_words

LEAST = 2
"""Trainings that a row needs."""
NOTE = (
    "Here a score is the mean PSNR-Y of one training, and the interval (95 %, Student's t) says "
    "what other seeds would give. Rows of the same trainings are paired training by training; "
    "others are compared as two samples of unequal variance (Welch). p is corrected for the number "
    "of lines (Holm). Pairs of which a row has one training only are left out."
)


@dataclass(frozen=True)
class OverTrainings:
    """One row minus another in PSNR-Y, over their trainings."""

    name: str
    trainings: tuple[int, int]
    """Of the row, and of its rival."""
    paired: bool
    """Whether both rows are of the same trainings."""
    mean: float
    low: float
    high: float
    """95 % interval of Student's t."""
    p: float
    """Two-sided, corrected by Holm over the lines of the table."""


def over_trainings(pairs: Sequence[tuple[Result, Result]]) -> list[OverTrainings]:
    """Each pair of which both rows have at least two trainings, no pair twice."""
    enough = [pair for pair in pairs if all(len(row.single_seeds) >= LEAST for row in pair)]
    found = list({one.name: one for one in (_difference(*pair) for pair in enough)}.values())
    corrected = holm([one.p for one in found])
    return [replace(one, p=float(p)) for one, p in zip(found, corrected, strict=True)]


def _difference(row: Result, rival: Result) -> OverTrainings:
    from scipy.stats import ttest_ind, ttest_rel

    mine, theirs = _by_training(row), _by_training(rival)
    paired = mine.keys() == theirs.keys()
    first = np.array(list(mine.values()))
    second = np.array([theirs[key] for key in mine] if paired else list(theirs.values()))
    test: Any = ttest_rel(first, second) if paired else ttest_ind(first, second, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return OverTrainings(
        f"{label(row)} - {label(rival)}{aside(unlike(row, rival))}",
        (len(first), len(second)),
        paired,
        float(first.mean() - second.mean()),
        float(low),
        float(high),
        float(test.pvalue),
    )


def _by_training(row: Result) -> dict[str, float]:
    """Mean PSNR-Y by the SHA-256 of the trained weights."""
    return {
        (one.training or {})["weights_sha256"]: one.means[METRICS[0]] for one in row.single_seeds
    }


def table(found: Sequence[OverTrainings]) -> list[str]:
    """Markdown: a line a pair."""
    lines = ["| difference | trainings | PSNR-Y, dB |", "| --- | ---: | ---: |"]
    for one in found:
        mine, theirs = one.trainings
        count = f"{mine}, paired" if one.paired else f"{mine} and {theirs}"
        value = f"{in_words(one.mean, one.low, one.high)}, {p_in_words(one.p)}"
        lines.append(f"| {one.name} | {count} | {value} |")
    return lines
