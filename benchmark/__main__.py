"""`python -m benchmark train|evaluate`: the same work where typer and rich are not installed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmark.evaluation.evaluate import Setting, default_task, evaluate
from benchmark.protocol import budgets
from benchmark.results import files as result_files
from benchmark.training.train import Running, precision_note, train
from benchmark.training.trainer import TimeUp
from faceref.dataset.store import FaceRef
from faceref.errors import FaceRefError

SECONDS = 10.0
"""Time between two lines about progress."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        _train(given) if given.command == "train" else _evaluate(given)
    except FaceRefError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmark", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("train", "evaluate"):
        command = commands.add_parser(name)
        command.add_argument("face_ref", type=Path)
        command.add_argument("--method", required=True)
        command.add_argument("--device", default="cpu")
        command.add_argument("--seed", type=int, default=0)
        if name == "train":
            command.add_argument("--budget", default="small")
            command.add_argument("--references-from", default=budgets.TRAINING_LIST)
            command.add_argument("--minutes", type=float)
            command.add_argument("--compile", action="store_true")
            command.add_argument("--precision", default="auto")
            command.add_argument("--log-dir", type=Path)
            command.add_argument("--out", type=Path, required=True)
        else:
            command.add_argument("--run", type=Path)
            command.add_argument("--task")
            command.add_argument("--references", type=int, default=5)
            command.add_argument("--list", default="refs_lr")
            command.add_argument("--faces", type=int)
            command.add_argument("--results", type=Path, default=Path("results"))
    return parser


def _train(given: argparse.Namespace) -> None:
    until = None if given.minutes is None else time.monotonic() + 60 * given.minutes
    running = Running(given.device, given.compile, given.log_dir, until, given.precision)
    if note := precision_note(budgets.budget(given.budget), running):
        print(note, flush=True)
    try:
        report = train(
            FaceRef.open(given.face_ref),
            given.method,
            budgets.budget(given.budget),
            given.out,
            seed=given.seed,
            reference_list=given.references_from,
            running=running,
            progress=_printer(),
        )
    except TimeUp as stop:
        print(f"Time is up after {stop}. The same command goes on from {given.out}.")
        return
    print(f"val PSNR-Y {report['val_psnr_y']:.2f} dB at step {report['best_step']}")


def _evaluate(given: argparse.Namespace) -> None:
    face_ref = FaceRef.open(given.face_ref)
    task = given.task or default_task(face_ref)
    setting = Setting(
        task, references=given.references, reference_list=given.list, faces=given.faces
    )
    found = evaluate(
        face_ref,
        given.method,
        setting,
        run=given.run,
        device=given.device,
        progress=_printer(),
    )
    print(f"{result_files.write(found, given.results)}: {found.means}")


def _printer() -> Callable[[int, int, str], None]:
    last = time.monotonic()

    def show(done: int, total: int, state: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS or done == total:
            last = now
            print(f"{done}/{total} {state}", flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())
