"""Differences over trainings: what another seed of both rows would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark.board_notes import aside, unlike
from benchmark.protocol import METRICS
from benchmark.results import Result, label
from benchmark.standing import scores_of
from benchmark.uncertainty import holm, p_text, with_interval

LEAST = 3
"""Trainings that a row needs: of two a deviation says next to nothing."""
TRAININGS_NOTE = (
    "Here a score is the mean PSNR-Y of one training, and the interval (95 %, Student's t) says "
    "what other seeds would give. Rows of the same trainings are paired training by training; "
    "others are compared as two samples of unequal variance (Welch). p is corrected for the number "
    "of lines (Holm). Pairs of which a row has fewer than three trainings are left out."
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
    """Each pair of which both rows have at least `LEAST` trainings, no pair twice.

    Of rows that share some trainings only these are taken, and must be as many.
    """
    every = [_training_difference(row, rival) for row, rival in pairs]
    found = list({one.name: one for one in every if one is not None}.values())
    corrected = holm([one.p for one in found])
    return [replace(one, p=float(p)) for one, p in zip(found, corrected, strict=True)]


def _training_difference(row: Result, rival: Result) -> OverTrainings | None:
    from scipy.stats import ttest_ind, ttest_rel

    mine, theirs = _by_training(row), _by_training(rival)
    shared = [weights for weights in mine if weights in theirs]
    paired = bool(shared)
    first = np.array([mine[weights] for weights in shared or mine])
    second = np.array([theirs[weights] for weights in shared or theirs])
    if min(len(first), len(second)) < LEAST:
        return None
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
    """Mean PSNR-Y, unrounded, by the SHA-256 of the trained weights; empty without training."""
    return {
        one.training["weights_sha256"]: float(scores_of([one], METRICS[0]).mean())
        for one in row.single_seeds
        if one.training is not None
    }


def trainings_table(found: Sequence[OverTrainings]) -> list[str]:
    """Markdown: a line a pair."""
    lines = ["| difference | trainings | PSNR-Y, dB |", "| --- | ---: | ---: |"]
    for one in found:
        mine, theirs = one.trainings
        count = f"{mine}, paired" if one.paired else f"{mine} and {theirs}"
        value = f"{with_interval(one.mean, one.low, one.high)}, {p_text(one.p)}"
        lines.append(f"| {one.name} | {count} | {value} |")
    return lines
