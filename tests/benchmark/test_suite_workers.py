"""A suite of several processes does what that of one does."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.evaluation.evaluate import Setting
from benchmark.protocol.budgets import Budget
from benchmark.results.files import read_all
from benchmark.suite import Job, Suite, carry_on, jobs_of
from benchmark.suite_workers import _outcome, _watch, _Worker, carry_on_together
from benchmark.training.train import Running
from faceref.console import progress_bar
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.outputs.lock import holding

BUDGET = Budget("tiny", 12, 6, 1e-3, 1, 1, 4, max_references=1)


@pytest.fixture
def small(tiny_face_ref: Path, tmp_path: Path) -> Suite:
    jobs = jobs_of(["bicubic", "srcnn"], range(2), ["srcnn"])
    faces, setting = FaceRef.open(tiny_face_ref), Setting("folder-x8@1", faces=3)
    return Suite(faces, BUDGET, tmp_path / "out", jobs, setting, Running(precision="fp32"))


def bar(label: str):
    return progress_bar(label, shown=False)


def _scores(suite: Suite) -> dict[tuple[str, int | None], object]:
    return {(row.method, row.seed): row.scores for row in read_all(suite.results)}


@pytest.mark.slow
def test_two_processes_make_what_one_makes(small: Suite, tmp_path: Path):
    outcome = carry_on_together(small, 2, bar)
    assert outcome == carry_on(small, bar)
    assert [job.name for job in outcome.done] == ["bicubic-s0", "srcnn-s0", "srcnn-s1"]
    alone = replace(small, out=tmp_path / "alone")
    carry_on(alone, bar)
    assert _scores(small) == _scores(alone)


@pytest.mark.slow
def test_what_fails_and_what_another_holds_is_said(small: Suite):
    suite = replace(small, jobs=[*small.jobs, Job("edsr", 0)])
    suite.run(Job("edsr", 0)).root.mkdir(parents=True)
    (suite.run(Job("edsr", 0)).root / "training.json").write_text("{")
    with holding(suite.run(Job("srcnn", 0)).root):
        outcome = carry_on_together(suite, 2, bar)
    assert [job.name for job in outcome.done] == ["bicubic-s0", "srcnn-s1"]
    assert [job.name for job in outcome.left] == ["srcnn-s0"]
    assert [job.name for job in outcome.failed] == ["edsr-s0"]


@pytest.mark.slow
def test_an_error_before_the_work_is_that_of_the_suite(
    small: Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("FACEBENCH_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(FaceRefError, match="inception"):
        carry_on_together(replace(small, metrics="fid"), 2, bar)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_said_with_the_way_out(small: Suite):
    worker = _Worker(small, 1)
    assert worker.process.pid is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    _watch(small, [worker], lambda *state: None)
    with pytest.raises(FaceRefError, match=r"status -9.*Fewer --workers"):
        _outcome(small, [worker])
