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
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.extra_metrics import ExtraMetrics, open_for
from benchmark.evaluation.setting import reference_count
from benchmark.evaluation.setting_faces import need_as_many
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method
from benchmark.results import files as result_files
from benchmark.results.replacing import need_same_faces
from benchmark.suite.jobs import Job, Suite
from benchmark.suite.status import scored, status
from benchmark.training.train import reads_lists, train
from benchmark.training.trainer import TimeUp
from benchmark.training.tuning import at_rate, tuned
from faceref.console import Bar, Progress
from faceref.errors import FaceRefError, HeldError, UnwritableError
from faceref.outputs.leftovers import sweep
from faceref.outputs.lock import holding

EVALUATION_SECONDS = 20.0
"""Time that must be left to begin an evaluation; one that outlasts the time is given up."""


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
        except Exception as error:  # Of a method from outside, in code that nobody has tried.
            failed[job] = f"{type(error).__name__}: {error}"
        # Here, as in the clause above the traceback still holds the tensors.
        torch.cuda.empty_cache()
    return Outcome(done, failed, left, suite.results, suite.scores)


def _tidy(suite: Suite, job: Job) -> None:
    """Delete what a finished job needs no more, and what killed processes left of it."""
    run, method = suite.run(job), load_method(job.method)
    for folder in {
        run.root,
        *(suite.path(job, method, s).parent for s in suite.settings(method)),
    }:
        sweep(folder)
    if run.report.exists():
        # best.pt and training.json are enough; the checkpoint is thrice as big.
        run.checkpoint.unlink(missing_ok=True)


def _do(suite: Suite, job: Job, extras: ExtraMetrics | None, bar: Bar) -> None:
    method, run = load_method(job.method), suite.run(job)
    faces = suite.data.revision, suite.setting.split
    for setting in suite.settings(method):
        need_same_faces(suite.path(job, method, setting), *faces)
    weights = None
    if method.trained:
        _train(suite, job, method, bar)
        weights = run.training()["weights_sha256"]
    for setting in suite.settings(method):
        path = suite.path(job, method, setting)
        if scored(suite, job, method, setting, weights):
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
