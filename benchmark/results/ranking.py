"""The rows of a leaderboard: means, intervals, ranks and gains, computed once for all forms.

Markdown, CSV, LaTeX, YAML, figures and the page all say the same because they all read this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmark.metrics.registry import METRIC_INFO, METRICS, MetricInfo, metric_info
from benchmark.protocol.tasks import TASKS
from benchmark.results.result import LeaderboardKey, Result, label, on_shared_trainings
from benchmark.results.statistics import Resampled, bootstrap_p, ranks, resample
from faceref.errors import FaceRefError


@dataclass(frozen=True)
class Value:
    """One metric of one row; only a metric with a score of every image has the optional parts."""

    mean: float
    low: float | None = None
    """95 % bootstrap interval of the mean, over people."""
    high: float | None = None
    rank: int | None = None
    """1 and the number of rows that are better beyond chance."""


@dataclass(frozen=True)
class RankedRow:
    """One row of a leaderboard."""

    result: Result
    name: str
    """Method, with K and list where it takes references."""
    values: dict[str, Value]
    """By metric; a metric that this row was not scored with is absent."""
    gain: Value | None
    """First metric over bicubic, paired image by image; None for bicubic and where it is absent."""


def ranked_rows(
    results: Sequence[Result], metrics: Sequence[MetricInfo] | None = None
) -> list[RankedRow]:
    """Rows of one leaderboard, in the order of `results`, by `metrics` (default: all that there
    are).

    Raises FaceRefError where results are of other images than the first.
    """
    _need_the_same_images(results)
    values: list[dict[str, Value]] = [{} for _ in results]
    gains: list[Value | None] = [None] * len(results)
    for metric in metrics_of(results) if metrics is None else metrics:
        for place, row in enumerate(results):
            if metric.name in known_means(row):
                values[place][metric.name] = Value(known_means(row)[metric.name])
        rows = [place for place, row in enumerate(results) if _scored(row, metric.name)]
        if rows:
            scores = scores_of([results[row] for row in rows], metric.name)
            drawn = resample(scores, results[rows[0]].people)
            scored = [results[row] for row in rows]
            for row, value in zip(rows, _values(metric, scored, scores, drawn), strict=True):
                values[row][metric.name] = value
            if metric.name == METRICS[0]:
                gains = _gains(results, scores, drawn)
    return [
        RankedRow(result, label(result), values[place], gains[place])
        for place, result in enumerate(results)
    ]


def metrics_of(results: Sequence[Result]) -> list[MetricInfo]:
    """Metrics that any of `results` has: those of every task first, then the others as listed."""
    found = {name for result in results for name in known_means(result)}
    order = [*METRICS, *(name for name in METRIC_INFO if name not in METRICS), *sorted(found)]
    return [metric_info(name) for name in dict.fromkeys(order) if name in found]


def known_means(result: Result) -> dict[str, float]:
    """Means over images, and metrics of all images together where there are any."""
    return {**result.means, **result.set_scores}


def _scored(result: Result, metric: str) -> bool:
    """Whether every image has its score, so that rows can be compared image by image."""
    scores = result.scores.get(metric)
    return scores is not None and not np.isnan(np.asarray(scores, np.float64)).any()


def scores_of(results: Sequence[Result], metric: str) -> np.ndarray:
    """Scores (R, N) of `results`, float64, an image a column."""
    return np.array([result.scores[metric] for result in results], np.float64)


def need_scores(results: Sequence[Result], metric: str) -> None:
    """Raise FaceRefError where one of `results` was not scored by `metric`."""
    for row in results:
        if metric not in row.scores:
            raise FaceRefError(
                f"{label(row)} has no scores of {metric!r}; it has {', '.join(row.scores)}."
            )


def without_number(results: Sequence[Result], metric: str) -> np.ndarray:
    """Which images have no number in one of `results`, bool (N,)."""
    return np.logical_or.reduce(np.isnan(scores_of(results, metric)))


def leaderboard_title(key: LeaderboardKey) -> str:
    """Heading of one leaderboard."""
    split = "" if is_usual(key) else f", split `{key.split}`"
    return f"{task_title(key.task)} (`{key.task}`, budget `{key.budget}`{split})"


def task_title(task: str) -> str:
    """Title of a task; its name where this version does not know it."""
    return TASKS[task].title if task in TASKS else task


def leaderboard_name(key: LeaderboardKey) -> str:
    """File name for what is drawn from one leaderboard, without suffix."""
    name = f"{key.task.replace('@', '-v')}-{key.budget}-{key.data_revision[:8]}-{key.images}"
    return name if is_usual(key) else f"{name}-{key.split}"


def is_usual(key: LeaderboardKey) -> bool:
    """Whether the split was scored that the task says; val is what choices are made on."""
    return key.task not in TASKS or key.split == TASKS[key.task].split


def _need_the_same_images(results: Sequence[Result]) -> None:
    for result in results:
        if result.images_sha256 != results[0].images_sha256:
            raise FaceRefError(
                f"{label(result)} and {label(results[0])} were scored on different images, so they "
                "cannot share a leaderboard. Evaluate both on the same faces."
            )


def _values(
    metric: MetricInfo, results: Sequence[Result], scores: np.ndarray, drawn: Resampled
) -> list[Value]:
    average = scores.mean(1)
    differences, p = average[:, None] - average[None, :], bootstrap_p(scores, drawn)
    for one, other in combinations(range(len(results)), 2):
        pair = results[one], results[other]
        shared = on_shared_trainings(*pair)
        if shared != pair:
            both = scores_of(shared, metric.name)
            differences[one, other] = both[0].mean() - both[1].mean()
            differences[other, one] = -differences[one, other]
            p[one, other] = p[other, one] = bootstrap_p(both, resample(both, pair[0].people))[0, 1]
    places = ranks(differences if metric.higher_is_better else -differences, p)
    return [
        Value(float(scores[row].mean()), *drawn.interval(row), places[row])
        for row in range(len(scores))
    ]


def _gains(results: Sequence[Result], scores: np.ndarray, drawn: Resampled) -> list[Value | None]:
    base = next((row for row, found in enumerate(results) if found.method == "bicubic"), None)
    if base is None:
        return [None] * len(results)
    return [
        None
        if row == base
        else Value(float((scores[row] - scores[base]).mean()), *drawn.interval(row, base))
        for row in range(len(results))
    ]
