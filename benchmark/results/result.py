"""Results: one method, evaluated once, and which of them share a leaderboard.

`benchmark.results.files` writes and reads them. Neither needs torch or the data.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.metrics.registry import METRICS
from benchmark.protocol.budgets import Budget, budget_of
from benchmark.protocol.tasks import TASKS

FORMAT = 2
_NAMED = ("lfw", "sample", "folder")
"""Sources whose image ids begin with the person."""


@dataclass(frozen=True, repr=False)
class Result:
    """One method, evaluated once."""

    task: str
    method: str
    title: str
    """The method's name in tables."""
    budget: str | None
    """Training budget; None for methods without training and for outside predictions."""
    split: str
    references: int
    """References given, K."""
    reference_list: str | None
    """`refs_hr`, `refs_lr`, `both` in turn, `random`, `refs_elsewhere` (found with the LR face in
    another set), or `target` for the check with the HR face itself; None for K = 0."""
    data_revision: str
    """Of the Face_Ref, see `faceref.dataset.revision`: the same on every machine that builds it."""
    images: int
    images_sha256: str
    """SHA-256 of the image ids, one a line, in the order of the scores."""
    image_ids: list[str]
    """In the order of the scores."""
    scores: dict[str, list[float | None]]
    """For each metric one number an image, PSNR in dB; None where a face has no landmarks."""
    means: dict[str, float]
    parameters: int | None
    """Numbers that the network learns, an error memory's among them; None where the model is not
    at hand."""
    macs: int | None
    """Multiply-adds for one face with K references."""
    milliseconds: float | None
    """Median time of one face at batch size 1 in float32."""
    training: dict[str, Any] | None
    """Report of the training: its data, seconds, chosen step, val curve, weights' SHA-256."""
    seed: int | None
    code: str
    """Version of this package and, in a checkout, the commit."""
    hardware: dict[str, Any]
    versions: dict[str, str]
    format: int = FORMAT
    set_scores: dict[str, float] = field(default_factory=dict)
    """Metrics of all images together, such as `fid`."""
    metric_sources: dict[str, Any] = field(default_factory=dict)
    """For each metric beside METRICS its protocol, and the weights or embedder behind it."""
    seconds: float | None = None
    """From the first face to the last score."""
    peak_memory_mib: float | None = None
    """Of the process, or of the device where that is a GPU."""
    repeats: tuple[Result, ...] = ()
    """The results of single seeds whose mean this is; see `merge_seeds`. Not written."""
    references_sha256: str | None = None
    """Of the references that each face was given; None for K = 0, and where it was not kept."""
    weights: dict[str, Any] | None = None
    """Weights from outside: file, SHA-256, architecture; None for those of our own trainings."""
    adaptation: dict[str, Any] | None = None
    """To which pool the network was adapted, and how, see `benchmark.memory.adaptation`; None for
    a network as trained."""
    ids_name_people: bool | None = None
    """Whether image ids begin with the person, `Ann/0001`: not so in CelebA, whose table of people
    must not be passed on. None in results from before it was kept."""

    @property
    def run(self) -> str:
        """File name without `.json`: budget, references and seed."""
        return run_name(
            self.budget, self.references, self.reference_list, self.uses_references, self.seed
        )

    @property
    def people(self) -> np.ndarray:
        """A number for each image's person, int64 (N,); each its own where ids do not say."""
        known = self.ids_name_people
        if known is None:
            known = self.task in TASKS and TASKS[self.task].source in _NAMED
        return person_numbers(self.image_ids) if known else np.arange(len(self.image_ids))

    @property
    def faces_text(self) -> str:
        """How many faces were scored: `42 faces of 7 people`, or `1,000 faces`."""
        people = len(np.unique(self.people))
        whose = "" if people == self.images else f" of {people:,} people"
        return f"{self.images:,} faces{whose}"

    @property
    def single_seeds(self) -> tuple[Result, ...]:
        """The results of one seed each: those that this is the mean of, or itself."""
        return self.repeats or (self,)

    @property
    def learning_rate(self) -> float | None:
        """Of its training; as its budget says where the result does not."""
        usual = self._budget.learning_rate if self._budget else None
        return (self.training or {}).get("learning_rate", usual)

    @property
    def precision(self) -> str | None:
        """What its training was computed in; as its budget says where the result does not."""
        usual = self._budget.precision if self._budget else None
        return (self.training or {}).get("precision", usual)

    @property
    def _budget(self) -> Budget | None:
        return budget_of(self.budget)

    @property
    def uses_references(self) -> bool:
        """Whether the method takes references, so that K = 0 is worth a name of its own."""
        return self.training is not None and bool(self.training.get("uses_references"))

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {value:.4f}" for name, value in self.means.items())
        return f"<Result of {self.title}, {self.task} {self.split}, {self.images} faces: {means}>"

    def path(self, folder: Path) -> Path:
        """Where this result lies below `folder`."""
        return folder / self.task / self.method / f"{self.run}.json"


def run_name(
    budget: str | None,
    references: int,
    reference_list: str | None,
    uses_references: bool,
    seed: int | None,
) -> str:
    """File name of a result without `.json`; what each is, `Result` says."""
    parts = [budget or "untrained"]
    if reference_list is not None or references:
        parts.append(f"{reference_list}-k{references}")
    elif uses_references:
        parts.append("k0")
    if seed is not None:
        parts.append(f"s{seed}")
    return "-".join(parts)


def person_numbers(image_ids: Sequence[str]) -> np.ndarray:
    """A number for the first part of each image id, int64 (N,)."""
    return np.unique([one.partition("/")[0] for one in image_ids], return_inverse=True)[1]


def image_digest(image_ids: Sequence[str]) -> str:
    """SHA-256 of the image ids, one a line: names a set of images and its order."""
    return hashlib.sha256("\n".join(image_ids).encode()).hexdigest()


def label(result: Result) -> str:
    """How a result is called in tables and figures, such as `MSRNet (K=5, refs_lr)`."""
    if result.reference_list is not None:
        return f"{result.title} (K={result.references}, {result.reference_list})"
    return f"{result.title} (K=0)" if result.uses_references else result.title


def is_variant(result: Result, leaderboard: Sequence[Result]) -> bool:
    """Whether this is a variant of a method of `leaderboard`, such as `msrnet-no-error`.

    Adapted to a part of a pool is one, too. Outputs from outside are none, whatever their name:
    nobody here trained them.
    """
    if result.adaptation is not None:
        return not result.adaptation["whole"]
    whole, _, part = result.method.partition("-")
    trained = result.training is not None
    return trained and bool(part) and any(row.method == whole for row in leaderboard)


def merge_seeds(results: Sequence[Result]) -> list[Result]:
    """One result for each method and setting: the mean over its seeds, image by image.

    Seeds of another learning rate or precision are a row of their own, whose title says which. A
    result without sisters stays as it is. The order is that of the first of each.
    """
    groups: dict[tuple[object, ...], list[Result]] = {}
    for row in _with_ways(results):
        key = (row.task, row.method, row.title, row.budget, row.references, row.reference_list)
        faces = row.data_revision, row.split, row.images_sha256
        groups.setdefault((*key, *faces), []).append(row)
    return [rows[0] if len(rows) == 1 else _merged(rows) for rows in groups.values()]


def _with_ways(results: Sequence[Result]) -> list[Result]:
    """`results`; titles of methods that were trained in several ways say which."""
    ways: dict[tuple[object, ...], list[list[str]]] = {}
    for row in results:
        known = ways.setdefault((row.task, row.method, row.budget, row.data_revision), [])
        known.append(_way(row))
    found = []
    for row in results:
        known = ways[row.task, row.method, row.budget, row.data_revision]
        other = [part for part in _way(row) if any(part not in way for way in known)]
        found.append(replace(row, title=", ".join([row.title, *other])) if other else row)
    return found


def _way(row: Result) -> list[str]:
    rate = "" if row.learning_rate is None else f"learning rate {row.learning_rate:g}"
    return [rate, row.precision or ""]


def _merged(rows: Sequence[Result]) -> Result:
    first = rows[0]
    training = dict(first.training or {})
    training["seconds"] = statistics.fmean((row.training or {})["seconds"] for row in rows)
    times = [row.milliseconds for row in rows if row.milliseconds is not None]
    return replace(
        first,
        seed=None,
        scores={metric: _mean_scores(rows, metric) for metric in _shared(rows, "scores")},
        means=_mean_numbers(rows, "means"),
        set_scores=_mean_numbers(rows, "set_scores"),
        milliseconds=statistics.median(times) if times else None,
        training=training,
        repeats=tuple(rows),
    )


def on_shared_trainings(one: Result, other: Result) -> tuple[Result, Result]:
    """Both as the mean over the trainings that they share; as they are where they share none.

    So a network with references, scored for one seed, is not compared with the mean of three seeds.
    """
    runs, others = by_training(one), by_training(other)
    shared = [weights for weights in runs if weights in others]
    if not shared or len(shared) == len(runs) == len(others):
        return one, other
    first, second = (merge_seeds([each[weights] for weights in shared]) for each in (runs, others))
    return first[0], second[0]


def by_training(row: Result) -> dict[str, Result]:
    """The results of single trainings, by the SHA-256 of the trained weights."""
    return {
        run.training["weights_sha256"]: run for run in row.single_seeds if run.training is not None
    }


def _shared(rows: Sequence[Result], field_name: str) -> list[str]:
    """Metrics that every seed was scored with, in the order of the first."""
    found = [getattr(row, field_name) for row in rows]
    return [metric for metric in found[0] if all(metric in other for other in found)]


def _mean_numbers(rows: Sequence[Result], field_name: str) -> dict[str, float]:
    return {
        metric: statistics.fmean(getattr(row, field_name)[metric] for row in rows)
        for metric in _shared(rows, field_name)
    }


def _mean_scores(rows: Sequence[Result], metric: str) -> list[float | None]:
    """Mean over seeds of each image's score; None where any seed has none."""
    mean = np.array([row.scores[metric] for row in rows], np.float64).mean(0)
    found: list[float | None] = mean.tolist()
    for image in np.flatnonzero(np.isnan(mean)):
        found[image] = None
    return found


def seed_spread(result: Result, metric: str) -> float | None:
    """Standard deviation of a metric's mean over seeds (n - 1); None for a single seed."""
    if not result.repeats:
        return None
    return statistics.stdev(row.means[metric] for row in result.repeats)


class LeaderboardKey(NamedTuple):
    """What the results of a leaderboard share."""

    task: str
    budget: str
    data_revision: str
    images: int
    split: str


def leaderboards(results: Sequence[Result]) -> dict[LeaderboardKey, list[Result]]:
    """Results that may be compared.

    Seeds of one method are one row. Methods without training are on every leaderboard of their
    task, data and images. Checks with the target as its own reference are on none.
    """
    ranked = [row for row in merge_seeds(results) if row.reference_list != "target"]
    found: dict[LeaderboardKey, list[Result]] = {}
    for result in ranked:
        if result.budget is not None:
            key = LeaderboardKey(result.task, result.budget, *_faces_of(result))
            found.setdefault(key, []).append(result)
    for result in ranked:
        if result.budget is None:
            data = _faces_of(result)
            keys = [key for key in found if (key.task, *key[2:]) == (result.task, *data)]
            for key in keys or [LeaderboardKey(result.task, "untrained", *data)]:
                found.setdefault(key, []).append(result)
    return {
        key: sorted(rows, key=lambda row: (-row.means[METRICS[0]], row.method))
        for key, rows in found.items()
    }


def _faces_of(result: Result) -> tuple[str, int, str]:
    """The faces that were scored, as in a key."""
    return result.data_revision, result.images, result.split
