"""How far the jobs of a suite are, read from its folders."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.evaluation.extra_metrics import parse_names
from benchmark.evaluation.setting import Setting
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method
from benchmark.results import files as result_files
from benchmark.suite.jobs import Job, Suite
from benchmark.training.tuning import at_rate, chosen
from faceref.errors import FaceRefError


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
        there = sum(scored(suite, job, method, one, None) for one in wanted)
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
    there = sum(scored(suite, job, method, one, weights) for one in wanted)
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


def scored(suite: Suite, job: Job, method: Method, setting: Setting, weights: str | None) -> bool:
    """Whether the result of a training on these faces is there, in all metrics wanted.

    `weights` is the SHA-256 of those that it ended with; None where none did. It must be of the
    references that the set lists now, where both are known.
    """
    path = suite.path(job, method, setting)
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
