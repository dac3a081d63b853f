"""Every training and evaluation of a leaderboard, one after the other, whatever interrupts it.

```
<out>/runs/<budget>/<method>-s<seed>/   one training
<out>/results/                          the result files
<out>/tuning/<budget>/<method>.json     what each learning rate gave on val, where rates are chosen
```

What is done is read from these folders, so a suite is taken up by giving its command again. A
training that was made again replaces its own older results; those of another set are left alone,
and the job fails.
Several may run at once: a job that another process holds is passed over. Where the set is an
archive without a test split, methods are trained alone: the same command with the whole set scores
them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path

import torch

from benchmark.evaluation.evaluate import (
    Setting,
    evaluate,
    listed_digest,
    need_as_many,
    planned_path,
    reference_count,
    settings_of,
)
from benchmark.evaluation.extra_metrics import ExtraMetrics, open_for, parse_names
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method, method_names
from benchmark.protocol.budgets import Budget
from benchmark.protocol.tasks import SCALE, task
from benchmark.results import files as result_files
from benchmark.results.replacing import need_same_faces
from benchmark.training.run import Data, Run, finished, seen_references
from benchmark.training.train import Running, reads_lists, train
from benchmark.training.trainer import TimeUp
from benchmark.training.tuning import at_rate, chosen, tuned
from faceref.console import Bar, Progress
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError, HeldError, UnwritableError
from faceref.outputs.leftovers import sweep
from faceref.outputs.lock import holding

EVALUATION_SECONDS = 20.0
"""Time that must be left to begin an evaluation; one that outlasts the time is given up."""
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


def default_methods(budget: str, scale: int = SCALE) -> list[str]:
    """Methods that a budget is for: full sizes only where the budget is `full`."""
    every = method_names()
    if scale != SCALE:
        every = [name for name in every if scale in load_method(name).scales]
    large = {name for name in every for end in SMALLER if f"{name}{end}" in every}
    return [name for name in every if budget == "full" or name not in large]


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


@dataclass(frozen=True)
class Status:
    """How far a job is."""

    job: Job
    steps: int
    """Of its training; all of them where there is nothing to train."""
    seconds: float | None
    """That its training took, 0 where there is none; None where it is not over."""
    val: float | None
    """PSNR-Y on val in dB."""
    results: int
    wanted: int
    """Result files there are, and there should be."""
    stale: str = ""
    """Why its finished training is not, or may not be, the one that is wanted."""

    def training(self, steps: int) -> str:
        """How far the training of `steps` steps is, in a word or two."""
        if self.stale:
            return "of other settings"
        if self.seconds is not None or self.steps == steps:
            return "done"
        return f"{self.steps} of {steps}" if self.steps else "missing"

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return (
            not self.stale
            and self.results == self.wanted
            and (self.wanted > 0 or self.seconds is not None)
        )


def status(suite: Suite, job: Job) -> Status:
    """How far a job of a suite is, read from its folders.

    Args:
        suite: What is wanted, and where it lies.
        job: One of `suite.jobs`.

    Returns:
        Steps, results and, where its training is of other settings, why.
    """
    method, run = load_method(job.method), suite.run(job)
    wanted = suite.settings(method)
    if not method.trained or not run.report.exists():
        there = sum(_scored(suite, job, method, one, None) for one in wanted)
        try:
            known = (run.steps_done(), None) if method.trained else (suite.budget.steps, 0.0)
        except FaceRefError as error:
            return Status(job, 0, None, None, there, len(wanted), str(error))
        return Status(job, *known, None, there, len(wanted))
    try:
        report = run.training()
    except FaceRefError as error:
        return Status(job, 0, None, None, 0, len(wanted), str(error))
    weights = report["weights_sha256"]
    there = sum(_scored(suite, job, method, one, weights) for one in wanted)
    known = (report["steps"], report["seconds"], report["val_psnr_y"])
    return Status(job, *known, there, len(wanted), _stale(suite, job))


def _stale(suite: Suite, job: Job) -> str:
    budget = suite.budget
    try:
        if suite.tune:
            rate = chosen(suite.tuning, job.method, budget, suite.data, suite.scale)
            if rate is None:
                return "its learning rate is still to be chosen"
            budget = at_rate(budget, rate)
        suite.trained(job, budget)
    except FaceRefError as error:
        return str(error)
    return ""


def _path(suite: Suite, job: Job, method: Method, setting: Setting) -> Path:
    seed = job.seed if method.trained else None
    budget = suite.budget.name if method.trained else None
    return planned_path(method, setting, budget, seed, suite.results)


def _scored(suite: Suite, job: Job, method: Method, setting: Setting, weights: str | None) -> bool:
    """Whether the result of a training on these faces is there, in all metrics wanted.

    `weights` is the SHA-256 of those that it ended with; None where none did. It must be of the
    references that the set lists now, where both are known.
    """
    path = _path(suite, job, method, setting)
    if not path.exists():
        return False
    try:
        found = result_files.read(path)
    except FaceRefError:
        return False
    limit = suite.setting.faces
    if weights and (found.training or {}).get("weights_sha256") != weights:
        return False
    faces = suite.counts[suite.setting.split]
    here = suite.data.revision, min(faces, limit or faces)
    if (found.data_revision, found.images) != here:
        return False
    if found.references_sha256 is not None:
        listed = suite.listed(setting, found.references)
        if listed not in (None, found.references_sha256):
            return False
    return {*parse_names(suite.metrics)} <= {*found.scores, *found.set_scores}


def _extras(suite: Suite) -> ExtraMetrics | None:
    if not suite.metrics:
        return None
    device = suite.running.device
    return open_for(suite.face_ref, suite.metrics, suite.embedder, suite.pack, device)


@dataclass(frozen=True)
class Outcome:
    """What a call of `carry_on` came to."""

    done: list[Job]
    failed: dict[Job, str]
    """With the error."""
    left: list[Job]
    """Not reached, in the hands of another process, or out of time."""
    results: Path
    """Folder of the result files."""
    scored: bool
    """Whether the set has the split that methods are scored on."""

    def summary(self) -> list[str]:
        """What to say of it, a line each."""
        lines = [f"{job.name} failed: {error}" for job, error in self.failed.items()]
        every = len(self.done) + len(self.failed) + len(self.left)
        lines.append(f"{len(self.done)} of {every} jobs are done.")
        if not self.scored:
            lines.append(
                "This set has no test split, so nothing was scored. Where the whole set is, give "
                f"the same command with it and with {self.results.parent}."
            )
        if self.left:
            names = ", ".join(job.name for job in self.left)
            lines.append(f"Left: {names}. The same command goes on.")
        elif self.scored and not self.failed:
            lines.append(f"Next: facebench leaderboard {self.results}")
        return lines


def carry_on(suite: Suite, bar: Bar) -> Outcome:
    """Train and evaluate what is missing.

    An error of a job, and a GPU whose memory is full, end that job alone.

    Args:
        suite: What is wanted, and where it lies.
        bar: Opens a progress bar with a label, see `faceref.console.progress_bar`.

    Returns:
        Which jobs are done, which failed and why, and which are left.

    Raises:
        FaceRefError: Before anything is trained, where a metric lacks what it needs, or lists hold
            too few references; and where the disk is full.
    """
    extras = _extras(suite)
    for job in suite.jobs:
        method = load_method(job.method)
        for setting in suite.settings(method):
            need_as_many(suite.face_ref, setting, reference_count(method, setting))
    done, failed, left = [], {}, []
    for place, job in enumerate(suite.jobs):
        if status(suite, job).done:
            _tidy(suite, job)
            done.append(job)
            continue
        try:
            with holding(suite.run(job).root):
                _do(suite, job, extras, bar)
            _tidy(suite, job)
            done.append(job)
        except HeldError:
            left.append(job)
        except UnwritableError:
            raise  # The next job would meet the same disk.
        except TimeUp:
            left += suite.jobs[place:]
            break
        except FaceRefError as error:
            failed[job] = str(error)
        except torch.OutOfMemoryError as error:
            failed[job] = f"{error} Free memory of the GPU; the same command goes on."
        # Here, as in the clause above the traceback still holds the tensors.
        torch.cuda.empty_cache()
    return Outcome(done, failed, left, suite.results, suite.scores)


def _tidy(suite: Suite, job: Job) -> None:
    """Delete what a finished job needs no more, and what killed processes left of it."""
    run, method = suite.run(job), load_method(job.method)
    for folder in {
        run.root,
        *(_path(suite, job, method, s).parent for s in suite.settings(method)),
    }:
        sweep(folder)
    if run.report.exists():
        # best.pt and training.json are enough; the checkpoint is thrice as big.
        run.checkpoint.unlink(missing_ok=True)


def _do(suite: Suite, job: Job, extras: ExtraMetrics | None, bar: Bar) -> None:
    method, run = load_method(job.method), suite.run(job)
    faces = suite.data.revision, suite.setting.split
    for setting in suite.settings(method):
        need_same_faces(_path(suite, job, method, setting), *faces)
    weights = None
    if method.trained:
        _train(suite, job, method, bar)
        weights = run.training()["weights_sha256"]
    for setting in suite.settings(method):
        path = _path(suite, job, method, setting)
        if _scored(suite, job, method, setting, weights):
            continue
        _need_time(suite)
        with bar(f"Scoring {method.title}, {path.stem}") as update:
            found = evaluate(
                suite.face_ref,
                method.name,
                setting,
                run=run.root if method.trained else None,
                device=suite.running.device,
                progress=partial(_in_time, suite.running.until, update),
                extras=extras,
            )
        found = result_files.with_older_metrics(found, suite.results)
        need_same_faces(path, *faces)
        result_files.write(found, suite.results)


def _train(suite: Suite, job: Job, method: Method, bar: Bar) -> None:
    """The training that is wanted, from the start, from its checkpoint, or as it is there."""
    run, budget = suite.run(job), suite.budget
    if suite.tune:
        with bar(f"Choosing the learning rate of {method.title}") as update:
            running = suite.running
            known = (suite.face_ref, method.name, budget, suite.tuning, running, update)
            with holding(suite.tuning / f"{method.name}-held"):  # Other seeds want the same.
                rate = tuned(*known, suite.scale)
        budget = at_rate(budget, rate)
    if suite.trained(job, budget, suite.seen if reads_lists(method) else None):
        return
    with bar(f"Training {method.title}, seed {job.seed}") as update:
        train(
            suite.face_ref,
            method.name,
            budget,
            run.root,
            seed=job.seed,
            scale=suite.scale,
            running=suite.running,
            progress=update,
        )


def _in_time(until: float | None, update: Progress, done: int, whole: int, state: str) -> None:
    """Report progress; raises TimeUp where the time is over."""
    if until is not None and done < whole and time.monotonic() > until:
        raise TimeUp("an evaluation is left")
    update(done, whole, state)


def _need_time(suite: Suite) -> None:
    until = suite.running.until
    if until is not None and time.monotonic() + EVALUATION_SECONDS > until:
        raise TimeUp("an evaluation is left")
