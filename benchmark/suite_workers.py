"""A suite shared out among processes: each does the next job that none of the others holds.

Networks for small faces do not keep many cores busy: two trainings on one thread each end sooner
than one after the other on two.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from benchmark.suite import Outcome, Suite, carry_on, is_over, status
from faceref.console import Bar, Progress
from faceref.errors import FaceRefError

REPORT_SECONDS = 1.0
"""Between two reports of a worker."""


class _Worker:
    """A process that works on a suite, as its parent sees it."""

    def __init__(self, suite: Suite, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.reports, sent = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(
            target=_work, args=(suite, threads, sent), daemon=True
        )
        self.process.start()
        sent.close()
        self.state = ""
        self.found: Outcome | FaceRefError | None = None
        self.works = True

    def read(self) -> None:
        """Take up a report, or that it has ended."""
        try:
            report = self.reports.recv()
        except EOFError:
            self.process.join()
            self.state, self.works = "", False
            return
        if isinstance(report, str):
            self.state = report
        else:
            self.found = report


def carry_on_together(suite: Suite, workers: int, bar: Bar) -> Outcome:
    """Train and evaluate what is missing, several jobs at a time.

    Args:
        suite: What is wanted, and where it lies.
        workers: Processes, which share this one's threads out.
        bar: Opens a progress bar with a label, see `faceref.console.progress_bar`.

    Returns:
        As `benchmark.suite.carry_on`.

    Raises:
        FaceRefError: As `benchmark.suite.carry_on`, and where a worker was killed.
    """
    found, before = _round(suite, workers, bar), []
    # What waited for another, as seeds of one method do for its learning rate, is taken up again.
    while found.left not in ([], before) and not is_over(suite):
        found, before = _round(suite, workers, bar), found.left
    return found


def _round(suite: Suite, workers: int, bar: Bar) -> Outcome:
    """Each worker does what it can, once."""
    threads = max(1, torch.get_num_threads() // workers)
    crew = [_Worker(suite, threads) for _ in range(workers)]
    try:
        with bar("Suite") as update:
            _watch(suite, crew, update)
    finally:
        for worker in crew:
            worker.process.terminate()
            worker.process.join()
    return _outcome(suite, crew)


def _watch(suite: Suite, crew: Sequence[_Worker], update: Progress) -> None:
    """Say how far the workers are, until all have ended."""
    done, before = _done(suite), [""] * len(crew)
    while working := {worker.reports: worker for worker in crew if worker.works}:
        for reports in wait(list(working)):
            working[reports].read()  # pyright: ignore[reportArgumentType]
        states = [worker.state for worker in crew]
        if "" in states and states != before:
            done = _done(suite)
        before = states
        update(done, len(suite.jobs), "; ".join(filter(None, states)))


def _done(suite: Suite) -> int:
    return sum(status(suite, job).done for job in suite.jobs)


def _outcome(suite: Suite, crew: Sequence[_Worker]) -> Outcome:
    """What all came to; raises what one of them raised."""
    failed = {}
    for worker in crew:
        if worker.found is None:
            raise FaceRefError(
                f"A worker ended with status {worker.process.exitcode}, perhaps as memory ran out. "
                "What is done is kept: the same command goes on. Fewer --workers need less memory."
            )
        if isinstance(worker.found, FaceRefError):
            raise worker.found
        failed |= worker.found.failed
    rest = [job for job in suite.jobs if job not in failed]
    done = [job for job in rest if status(suite, job).done]
    left = [job for job in rest if job not in done]
    return Outcome(done, failed, left, suite.results, suite.scores)


def _work(suite: Suite, threads: int, reports: Connection) -> None:
    """What a worker does; it sends what its bars say, in the end its outcome or error."""
    torch.set_num_threads(threads)
    try:
        found = carry_on(suite, partial(_reporting, reports))
    except FaceRefError as error:
        found = error
    except KeyboardInterrupt:
        sys.exit(1)
    _send(reports, found)


@contextmanager
def _reporting(reports: Connection, label: str) -> Iterator[Progress]:
    """A progress bar that its parent shows."""
    last = 0.0

    def update(done: int, total: int, state: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > REPORT_SECONDS:
            last = now
            _send(reports, f"{label}: {done}/{total}")

    yield update
    _send(reports, "")


def _send(reports: Connection, report: object) -> None:
    """Ends this process where the one that began it is gone."""
    try:
        reports.send(report)
    except OSError:
        sys.exit(1)
