"""What a suite is of: methods with seeds, and where their trainings and results lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path

from benchmark.evaluation.setting import Setting, planned_path, settings_of
from benchmark.evaluation.setting_faces import listed_digest
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method, method_names
from benchmark.protocol.budgets import Budget
from benchmark.protocol.tasks import SCALE, task
from benchmark.training.run import Data, Run, finished, seen_references
from benchmark.training.train import Running
from faceref.dataset.face_ref import FaceRef

SMALLER = ("_s", "_light")
"""Endings of the sizes that fit the smaller budgets."""


@dataclass(frozen=True)
class Job:
    """One method with one seed."""

    method: str
    seed: int

    @property
    def name(self) -> str:
        """Folder of the training."""
        return f"{self.method}-s{self.seed}"


@dataclass(frozen=True)
class Suite:
    """What is wanted, and where it lies."""

    face_ref: FaceRef
    """The opened set."""
    budget: Budget
    out: Path
    jobs: Sequence[Job]
    setting: Setting
    running: Running = field(default_factory=Running)
    tune: bool = False
    """Choose each method's learning rate on val first."""
    metrics: str = ""
    """Names between commas of metrics beside those that every result has."""
    embedder: str = "dlib"
    """For metrics that need one, see `open_for`."""
    pack: str | None = None
    """insightface model pack."""

    @property
    def scale(self) -> int:
        """By how much the task's LR faces are smaller."""
        return task(self.setting.task).scale

    @property
    def results(self) -> Path:
        """Folder of the result files."""
        return self.out / "results"

    def run(self, job: Job) -> Run:
        """The training of a job."""
        return Run(self.out / "runs" / self.budget.name / job.name)

    @property
    def tuning(self) -> Path:
        """Folder of what each learning rate gave on val."""
        return self.out / "tuning" / self.budget.name

    @cached_property
    def data(self) -> Data:
        """What names the data of the set."""
        return Data.of(self.face_ref)

    @cached_property
    def listed(self) -> Callable[[Setting, int], str | None]:
        """`listed_digest` of the set; each is computed once."""
        return cache(partial(listed_digest, self.face_ref))

    @cached_property
    def seen(self) -> str:
        """Digest of the references that methods train on."""
        return seen_references(self.face_ref)

    def trained(self, job: Job, budget: Budget, seen: str | None = None) -> bool:
        """Whether the training of a job is over; FaceRefError where it is of other settings.

        Where it is of other references than `seen`, a line says so.
        """
        known = (self.run(job), job.method, budget, job.seed, self.data, self.scale, seen)
        return finished(*known) is not None

    @property
    def counts(self) -> dict[str, int]:
        """Faces of each split of the set."""
        return self.face_ref.manifest["counts"]

    @property
    def scores(self) -> bool:
        """Whether the set has the split that methods are scored on."""
        return self.setting.split in self.counts

    def settings(self, method: Method) -> list[Setting]:
        """In which settings a method is scored."""
        return list(settings_of(method, self.setting)) if self.scores else []

    def path(self, job: Job, method: Method, setting: Setting) -> Path:
        """The file of a result of a job."""
        seed = job.seed if method.trained else None
        budget = self.budget.name if method.trained else None
        return planned_path(method, setting, budget, seed, self.results)


def default_methods(budget: str, scale: int = SCALE) -> list[str]:
    """Methods that a budget is for: full sizes only where the budget is `full`."""
    every = method_names()
    if scale != SCALE:
        every = [name for name in every if scale in load_method(name).scales]
    large = {name for name in every for end in SMALLER if f"{name}{end}" in every}
    return [name for name in every if budget.partition("-")[0] == "full" or name not in large]


def jobs_of(methods: Sequence[str], seeds: Sequence[int], more: Sequence[str]) -> list[Job]:
    """The jobs of a suite; first seeds come first, and a method without training has one job.

    Args:
        methods: Names of methods, each trained with the first seed.
        seeds: Of the trainings.
        more: Names of methods that are trained with every seed.

    Returns:
        The jobs, in the order in which they are done.

    Raises:
        FaceRefError: For an unknown method.
    """
    found = {name: load_method(name) for name in dict.fromkeys([*methods, *more])}
    return [
        Job(name, seed)
        for place, seed in enumerate(seeds)
        for name, method in found.items()
        if place == 0 or (name in more and method.trained)
    ]
