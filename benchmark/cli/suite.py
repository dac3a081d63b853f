"""The command `facebench suite`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from benchmark.cli.options import Device, FaceLimit, TaskName, Threads

if TYPE_CHECKING:
    from benchmark.suite import Status, Suite

EPILOG = """**Examples**

`facebench suite small --face-ref face_ref` trains and evaluates all that is missing

`facebench suite small --face-ref face_ref --background` the same, after logging out, too

`facebench suite small --face-ref face_ref --status` says what is left

`facebench suite small --face-ref face_ref --metrics lpips_alex` also scores what is there and
lacks that metric

`facebench suite full --face-ref face_ref --device cuda --minutes 9` uses nine minutes of a GPU,
and goes on with the next nine

Then: `facebench leaderboard suite/results`
"""
AT_ONCE_SECONDS = 10.0
"""How long to wait for an error before it is believed that a suite in the background works."""


def suite(
    budget: Annotated[str, typer.Argument(help="debug, demo, small or full.")],
    face_ref: Annotated[Path, typer.Option(help="A Face_Ref folder.")] = Path("face_ref"),
    out: Annotated[Path, typer.Option(help="Folder of runs and results.")] = Path("suite"),
    methods: Annotated[str, typer.Option(help="By commas; default: all that fit the budget.")] = "",
    seeds: Annotated[int, typer.Option(help="Trainings of each of --repeat.", min=1)] = 3,
    repeat: Annotated[str, typer.Option(help="Methods with several seeds, by commas.")] = "",
    task: TaskName = None,
    references: Annotated[int, typer.Option(help="References given, 1 to 8.", min=1)] = 5,
    faces: FaceLimit = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose each method's learning rate on val first.")
    ] = False,
    metrics: Annotated[str, typer.Option(help="More metrics, by commas: lpips_alex, …")] = "",
    minutes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Stop before that time is over, with checkpoints.", min=0.1),
    ] = None,
    show: Annotated[bool, typer.Option("--status", help="Only say what is left.")] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Go on without this terminal; see OUT/log.txt.")
    ] = False,
    device: Device = "cpu",
    threads: Threads = 0,
    precision: Annotated[
        str, typer.Option(help="auto, bf16 or fp32; auto: fp32 where bf16 is only imitated.")
    ] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile; on a GPU with CUDA graphs.")
    ] = False,
) -> None:
    """Train and evaluate every method that a leaderboard still lacks; the same command goes on."""
    import time

    from benchmark.cli.train import use_threads
    from benchmark.evaluation.evaluate import Setting, default_task
    from benchmark.protocol import budgets
    from benchmark.suite import Suite, default_methods, jobs_of
    from benchmark.training.train import Running, precision_note
    from faceref.console import say
    from faceref.dataset.store import FaceRef

    use_threads(threads)
    chosen = budgets.budget(budget)
    opened = FaceRef.open(face_ref)
    name = task or default_task(opened)
    until = None if minutes is None else time.monotonic() + 60 * minutes
    wanted = Suite(
        opened,
        chosen,
        out,
        jobs_of(_listed(methods) or default_methods(budget), range(seeds), _listed(repeat)),
        Setting(name, references=references, faces=faces),
        Running(device, compiled, None, until, precision),
        tune,
        metrics,
    )
    if show:
        return _show(wanted)
    if note := precision_note(chosen, wanted.running):
        say(note)
    if background:
        _start(out)
    else:
        _carry_on(wanted)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _carry_on(wanted: Suite) -> None:
    from functools import partial

    from benchmark.suite import carry_on
    from faceref.console import progress_bar, say

    outcome = carry_on(wanted, partial(progress_bar, unit=""))
    for job, error in outcome.failed.items():
        say(f"{job.name} failed: {error}")
    say(f"{len(outcome.done)} of {len(wanted.jobs)} jobs are done.")
    if not wanted.scores:
        say(
            "This set has no test split, so nothing was scored. Where the whole set is, give the "
            f"same command with it and with {wanted.out}."
        )
    if outcome.left:
        names = ", ".join(job.name for job in outcome.left)
        say(f"Left: {names}. The same command goes on.")
    elif wanted.scores and not outcome.failed:
        say(f"Next: facebench leaderboard {wanted.results}")
    if outcome.failed:
        raise typer.Exit(1)


def _show(wanted: Suite) -> None:
    from benchmark.suite import status
    from faceref.console import print_table, say

    found = [status(wanted, job) for job in wanted.jobs]
    rows = [_row(wanted, one) for one in found]
    print_table("Suite", ["job", "training", "time", "val PSNR-Y", "results"], rows)
    for one in found:
        if one.stale:
            say(f"{one.job.name}: {one.stale}")
    say(f"{sum(one.done for one in found)} of {len(found)} jobs are done.")


def _row(wanted: Suite, one: Status) -> list[str]:
    from benchmark.training.log import clock

    return [
        one.job.name,
        _training(wanted, one),
        "-" if one.seconds is None else clock(one.seconds),
        "-" if one.val is None else f"{one.val:.2f} dB",
        f"{one.results} of {one.wanted}",
    ]


def _training(wanted: Suite, one: Status) -> str:
    steps = wanted.budget.steps
    if one.stale:
        return "of other settings"
    if one.seconds is not None or one.steps == steps:
        return "done"
    return f"{one.steps} of {steps}" if one.steps else "missing"


def _start(out: Path) -> None:
    """This command once more, without `--background`, in a session of its own.

    Raises FaceRefError where that ends in an error at once, as by a metric without its weights.
    """
    import subprocess
    import sys

    from faceref.console import say
    from faceref.errors import FaceRefError

    arguments = [word for word in sys.argv[1:] if word != "--background"]
    out.mkdir(parents=True, exist_ok=True)
    log = out / "log.txt"
    with log.open("a") as file:
        before = file.tell()
        started = subprocess.Popen(
            [sys.executable, "-c", "from benchmark.cli.app import app; app()", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    say(
        f"Process {started.pid} works, after this terminal is closed, too; it tells how in {log}. "
        f"What is left: --status. To stop it: kill {started.pid}"
    )
    try:
        failed = started.wait(AT_ONCE_SECONDS)
    except subprocess.TimeoutExpired:
        return
    vectors = log.read_bytes()[before:].decode("utf-8", "replace").strip()
    if failed:
        raise FaceRefError(f"it ended at once, with status {failed}:\n{vectors}")
    say(vectors)


def add_suite(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(suite)
