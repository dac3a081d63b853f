"""One suite on all threads against two processes that share its jobs, each on half of them.

    python tests/speed/suite_speed.py FACE_REF [--samples 320] [--rounds 1] [--methods ...]

Trains and scores each method, in folders that are deleted again; rounds alternate. One JSON line is
printed: seconds of each, and the ratio of their medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmark.evaluation.setting import Setting
from benchmark.protocol.budgets import budget
from benchmark.suite.jobs import Suite, jobs_of
from benchmark.suite.run import carry_on
from faceref.console import progress_bar
from faceref.dataset.face_ref import FaceRef

METHODS = "sparnet_s,rcan_s,ctcnet_s,wfen_s"


def work(face_ref: Path, methods: str, samples: int, out: Path, threads: int) -> None:
    """Do what no other process does."""
    torch.set_num_threads(threads)
    chosen = replace(budget("small"), samples=samples, validations=1, validation_faces=32)
    setting = Setting("folder-x8@1", faces=32)
    jobs = jobs_of(methods.split(","), range(1), [])
    carry_on(
        Suite(FaceRef.open(face_ref), chosen, out, jobs, setting),
        partial(progress_bar, shown=False),
    )


def seconds(given: argparse.Namespace, processes: int) -> float:
    """How long a suite takes from nothing."""
    threads = torch.get_num_threads() // processes
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        what = (given.face_ref, given.methods, given.samples, Path(folder), threads)
        started = [context.Process(target=work, args=what) for _ in range(processes)]
        start = time.perf_counter()
        for process in started:
            process.start()
        for process in started:
            process.join()
        return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--samples", type=int, default=320, help="faces of each training")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--methods", default=METHODS)
    given = parser.parse_args()
    found = {1: [], 2: []}
    for _ in range(given.rounds):
        for processes, times in found.items():
            times.append(round(seconds(given, processes), 1))
    one, two = (statistics.median(times) for times in found.values())
    report = {"one": found[1], "two": found[2], "ratio": round(one / two, 2)}
    print(json.dumps(report | {"threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
