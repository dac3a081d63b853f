"""Do references help? Paired differences between rows of one leaderboard, and studies side by side.

Everything is computed from result and study files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.registry import METRICS, metric_info
from benchmark.protocol.budgets import split_budget
from benchmark.results.caveats import aside, unlike
from benchmark.results.paired import Paired, corrected, paired_results
from benchmark.results.ranking import metrics_of, scores_of
from benchmark.results.result import Result, by_training, label, on_shared_trainings
from benchmark.results.statistics import p_text
from benchmark.studies.study import NAMES, Study, gain
from faceref.markdown import markdown_table

METHOD = "msrnet"
"""The method that is examined where no other is named."""
OTHER_LOSS = "perceptual"
"""A variant that is no ablation: nothing of it is left out, and PSNR is not its aim."""
GIVEN = ("refs_lr", "refs_hr")


@dataclass(frozen=True)
class Difference(Paired):
    """One row minus another in one metric, face by face; p is corrected as `differences` says."""

    row: str
    rival: str
    metric: str
    unlike: tuple[str, ...] = ()
    """What else differed between the trainings: see `caveats_of.unlike`."""
    seeds: tuple[int, int] | None = None
    """How many trainings each row is the mean of, where they are not as many."""

    @property
    def aside(self) -> str:
        """What else differed, as words behind a name or number; empty for nothing."""
        return aside(self.unlike)

    @property
    def name(self) -> str:
        """Both rows, what else differed, and of how many trainings they are where that does."""
        counts = f" (trainings: {self.seeds[0]} and {self.seeds[1]})" if self.seeds else ""
        return f"{self.row} - {self.rival}{self.aside}{counts}"


def differences(
    pairs: Sequence[tuple[Result, Result]], metrics: Sequence[str] = METRICS
) -> list[Difference]:
    """Each pair in each metric that both rows have for every face.

    p is corrected by Holm over the differences of one metric.
    """
    found: list[Difference] = []
    for metric in metrics:
        usable = [pair for pair in pairs if all(_whole(row, metric) for row in pair)]
        found += corrected([_difference(row, rival, metric) for row, rival in usable])
    return found


def _whole(row: Result, metric: str) -> bool:
    scores = row.scores.get(metric)
    return scores is not None and None not in scores


def _difference(row: Result, rival: Result, metric: str) -> Difference:
    found = paired_results(row, rival, metric)
    other = tuple(unlike(row, rival))
    seeds = _uneven_seeds(*on_shared_trainings(row, rival))
    ends = found.mean, found.low, found.high, found.p
    return Difference(*ends, label(row), label(rival), metric, other, seeds)


def _uneven_seeds(row: Result, rival: Result) -> tuple[int, int] | None:
    counts = len(row.single_seeds), len(rival.single_seeds)
    both_trained = row.training is not None and rival.training is not None
    return counts if both_trained and counts[0] != counts[1] else None


def by_references(
    leaderboard: Sequence[Result], method: str = METHOD
) -> list[tuple[Result, Result]]:
    """Each method with references against itself without, `method` first: a list and K = 0."""
    alone = {row.method: row for row in leaderboard if row.references == 0 and row.uses_references}
    order = sorted(leaderboard, key=lambda row: (row.method != method, -row.means[METRICS[0]]))
    return [
        (row, alone[row.method])
        for row in order
        if row.reference_list in GIVEN and row.method in alone
    ]


def examined(leaderboard: Sequence[Result], method: str) -> Result | None:
    """The row of `method` with what the LR face finds; a single-image method has only one row."""
    return _first(
        leaderboard, lambda row: row.method == method and row.reference_list == GIVEN[0]
    ) or _first(leaderboard, lambda row: row.method == method and not row.uses_references)


def against_rivals(
    leaderboard: Sequence[Result], method: str = METHOD
) -> list[tuple[Result, Result]]:
    """The row of `method`, see `examined`, against the best rows of each kind.

    Against itself without references, the best single-image row, and the best row of another
    method with references of the LR face, as far as they are on the leaderboard. The best are those
    of the highest PSNR-Y; networks adapted to a pool are no rivals.
    """
    mine = examined(leaderboard, method)
    if mine is None:
        return []
    family = _family(leaderboard, method)
    others = [row for row in leaderboard if row.method not in family and row.adaptation is None]
    rivals = [
        _first(leaderboard, lambda row: row.method == method and row.references == 0),
        _first(others, lambda row: row.budget is not None and not row.uses_references),
        _first(others, lambda row: row.budget is not None and row.reference_list == GIVEN[0]),
    ]
    return [(mine, rival) for rival in rivals if rival is not None and rival is not mine]


def _family(leaderboard: Sequence[Result], method: str) -> list[str]:
    """`method` and its variants, as far as they are on the leaderboard."""
    names = dict.fromkeys(row.method for row in leaderboard)
    return [name for name in names if name == method or name.startswith(f"{method}-")]


def by_ablation(leaderboard: Sequence[Result], method: str = METHOD) -> list[tuple[Result, Result]]:
    """Each ablation of `method` against the whole, with the same references."""
    whole = {
        (row.references, row.reference_list): row for row in leaderboard if row.method == method
    }
    found = []
    for row in leaderboard:
        same = whole.get((row.references, row.reference_list))
        ablation = row.method.startswith(f"{method}-") and row.method != f"{method}-{OTHER_LOSS}"
        if ablation and row.reference_list != GIVEN[1] and same:
            found.append((row, same))
    return sorted(found, key=lambda pair: (pair[0].method, -pair[0].references))


def _first(leaderboard: Sequence[Result], wanted: Callable[[Result], bool]) -> Result | None:
    found = [row for row in leaderboard if wanted(row)]
    return max(found, key=lambda row: row.means[METRICS[0]], default=None)


def table(found: Sequence[Difference], metrics: Sequence[str]) -> list[str]:
    """Markdown: a line a pair, a column a metric."""
    shown = [metric for metric in metrics if any(one.metric == metric for one in found)]
    cells = {(one.name, one.metric): _text(one) for one in found}
    names = list(dict.fromkeys(one.name for one in found))
    head = ["difference", *(metric_info(metric).heading for metric in shown)]
    rows = [[name, *(cells.get((name, metric), "-") for metric in shown)] for name in names]
    return markdown_table(head, rows)


def _text(one: Difference) -> str:
    digits = metric_info(one.metric).digits + (1 if metric_info(one.metric).digits == 2 else 0)
    return f"{one.text(digits)}, {p_text(one.p)}"


def ladder(studies: Sequence[Study], count: int) -> list[str]:
    """Markdown: gain over K = 0 by kind of reference (lines) of each training (columns), dB."""
    kinds = list(dict.fromkeys(kind for study in studies for kind in study.kinds))
    rows = [[NAMES[kind], *(_gain(study, kind, count) for study in studies)] for kind in kinds]
    base = [f"{np.mean(study.cell('none', 0).psnr_y):.3f} dB" for study in studies]
    rows.append(["none (K = 0), PSNR-Y", *base])
    rows.append(["faces", *(f"{study.images:,}" for study in studies)])
    return markdown_table(["references in the test", *map(_training, studies)], rows)


def _gain(study: Study, kind: str, count: int) -> str:
    wanted = 1 if kind == "target" else count
    if not any((cell.kind, cell.references) == (kind, wanted) for cell in study.cells):
        return "-"
    return gain(study, study.cell(kind, wanted)).text()


def _training(study: Study) -> str:
    seen = split_budget(study.budget)[1]
    kind = f", trained with {seen}" if seen else ""
    return f"{study.title}, seed {study.seed}{kind}"


def shown_metrics(leaderboard: Sequence[Result]) -> list[str]:
    """Metrics of the leaderboard that have a score of every face."""
    return [metric.name for metric in metrics_of(leaderboard)]


LEAST = 3
"""Trainings that a row needs: of two a deviation says next to nothing."""
TRAININGS_NOTE = (
    "Here each training counts once, with its mean PSNR-Y. The interval (95 %, Student's t) "
    "covers what other seeds would change. Rows of the same trainings are paired training by "
    "training. Other rows are compared as two samples of unequal variance (Welch). p is corrected "
    "for the number of lines (Holm). A pair is left out where one of its rows has fewer than "
    "three trainings."
)


@dataclass(frozen=True)
class OverTrainings(Paired):
    """One row minus another in PSNR-Y, over their trainings; the interval is Student's t."""

    name: str
    trainings: tuple[int, int]
    """Of the row, and of its rival."""
    same_trainings: bool
    """Whether both rows are of the same trainings."""


def over_trainings(pairs: Sequence[tuple[Result, Result]]) -> list[OverTrainings]:
    """Each pair of which both rows have at least `LEAST` trainings, no pair twice.

    Of rows that share some trainings only these are taken, and must be as many.
    """
    every = [_training_difference(row, rival) for row, rival in pairs]
    found = list({one.name: one for one in every if one is not None}.values())
    return corrected(found)


def _training_difference(row: Result, rival: Result) -> OverTrainings | None:
    from scipy.stats import ttest_ind, ttest_rel

    mine, theirs = _by_training(row), _by_training(rival)
    shared = [weights for weights in mine if weights in theirs]
    same = bool(shared)
    first = np.array([mine[weights] for weights in shared or mine])
    second = np.array([theirs[weights] for weights in shared or theirs])
    if min(len(first), len(second)) < LEAST:
        return None
    test: Any = ttest_rel(first, second) if same else ttest_ind(first, second, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return OverTrainings(
        float(first.mean() - second.mean()),
        float(low),
        float(high),
        float(test.pvalue),
        f"{label(row)} - {label(rival)}{aside(unlike(row, rival))}",
        (len(first), len(second)),
        same,
    )


def _by_training(row: Result) -> dict[str, float]:
    """Mean PSNR-Y, unrounded, by the SHA-256 of the trained weights; empty without training."""
    return {
        weights: float(scores_of([one], METRICS[0]).mean())
        for weights, one in by_training(row).items()
    }


def trainings_table(found: Sequence[OverTrainings]) -> list[str]:
    """Markdown: a line a pair."""
    rows = []
    for one in found:
        mine, theirs = one.trainings
        count = f"{mine}, paired" if one.same_trainings else f"{mine} and {theirs}"
        value = f"{one.text()}, {p_text(one.p)}"
        rows.append([one.name, count, value])
    return markdown_table(["difference", "trainings", "PSNR-Y, dB"], rows)
