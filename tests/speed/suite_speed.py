"""A suite one job after the other on all threads, against two jobs at a time on half of them.

    python tests/speed/suite_speed.py FACE_REF [--samples 320] [--rounds 2] [--methods ...]

Trains and scores each method, in folders that are deleted again; rounds alternate. One JSON line is
printed: seconds of each, medians, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmark.evaluation.evaluate import Setting
from benchmark.protocol.budgets import budget
from benchmark.suite import Suite, carry_on, jobs_of
from benchmark.suite_workers import carry_on_together
from faceref.console import progress_bar
from faceref.dataset.face_ref import FaceRef

METHODS = "sparnet_s,rcan_s,ctcnet_s,wfen_s"


def seconds(suite: Suite, workers: int) -> float:
    """How long a suite takes from nothing."""
    bar = partial(progress_bar, shown=False)
    with tempfile.TemporaryDirectory() as folder:
        suite, start = replace(suite, out=Path(folder)), time.perf_counter()
        found = carry_on(suite, bar) if workers == 1 else carry_on_together(suite, workers, bar)
        assert len(found.done) == len(suite.jobs)
        return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--samples", type=int, default=320, help="faces of each training")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--methods", default=METHODS)
    given = parser.parse_args()
    chosen = replace(budget("small"), samples=given.samples, validations=1, validation_faces=32)
    jobs = jobs_of(given.methods.split(","), range(1), [])
    faces, setting = FaceRef.open(given.face_ref), Setting("folder-x8@1", faces=32)
    suite = Suite(faces, chosen, Path(), jobs, setting)
    found = {1: [], 2: []}
    for _ in range(given.rounds):
        for workers, times in found.items():
            times.append(round(seconds(suite, workers), 1))
    one, two = (statistics.median(times) for times in found.values())
    report = {"one": found[1], "two": found[2], "ratio": round(one / two, 2)}
    print(json.dumps(report | {"threads": torch.get_num_threads(), "jobs": len(jobs)}))


if __name__ == "__main__":
    main()
