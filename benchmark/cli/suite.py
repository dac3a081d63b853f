"""The command `facebench suite`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import (
    BUDGETS,
    MORE,
    Compile,
    Device,
    Judge,
    JudgePack,
    Limit,
    Metrics,
    Minutes,
    Precision,
    TaskName,
    Threads,
    use_threads,
)

SUITE = """**Examples**

`facebench suite small --face-ref face_ref` trains and evaluates all that is missing

`facebench suite small --face-ref face_ref --background` the same, after logging out, too

`facebench suite small --face-ref face_ref --status` says what is left

`facebench suite full --face-ref face_ref --device cuda --minutes 9` uses nine minutes of a GPU, and
goes on with the next nine

Interrupted? Give the same command again. Then: `facebench leaderboard suite/results`
"""


def suite(
    budget: Annotated[str, typer.Argument(help=BUDGETS)],
    face_ref: Annotated[Path, typer.Option(help="A Face_Ref folder.")] = Path("face_ref"),
    out: Annotated[Path, typer.Option(help="Folder of runs and results.")] = Path("suite"),
    methods: Annotated[str, typer.Option(help="By commas; default: all that fit the budget.")] = "",
    metrics: Metrics = "",
    show: Annotated[bool, typer.Option("--status", help="Only say what is left.")] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Go on without this terminal; see OUT/log.txt.")
    ] = False,
    repeat: Annotated[
        str,
        typer.Option(help="Methods with several seeds, by commas.", rich_help_panel=MORE),
    ] = "",
    seeds: Annotated[
        int, typer.Option(help="Trainings of each of --repeat.", min=1, rich_help_panel=MORE)
    ] = 3,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Choose each method's learning rate on val.", rich_help_panel=MORE
        ),
    ] = False,
    references: Annotated[
        int, typer.Option(help="References given, K.", min=1, rich_help_panel=MORE)
    ] = 5,
    task: TaskName = None,
    limit: Limit = None,
    embedder: Judge = "dlib",
    pack: JudgePack = None,
    device: Device = "cpu",
    threads: Threads = 0,
    precision: Precision = "auto",
    minutes: Minutes = None,
    compile: Compile = False,
) -> None:
    """Train and evaluate every method that a leaderboard still lacks.

    Example: `facebench suite small --face-ref face_ref`
    """
    import benchmark
    from faceref.console import print_frame, say

    use_threads(threads)
    wanted = {
        "out": out,
        "methods": methods,
        "seeds": seeds,
        "repeat": repeat,
        "task": task,
        "references": references,
        "limit": limit,
        "tune": tune,
        "metrics": metrics,
    }
    if show:
        jobs = benchmark.suite_status(budget, face_ref, **wanted)
        print_frame("Suite", jobs.drop(columns=["done"]))
        return say(f"{jobs['done'].sum()} of {len(jobs)} jobs are done.")
    if background:
        words = [word for word in sys.argv[1:] if word != "--background"]
        return say(benchmark.start_in_background(words, out / "log.txt"))
    running = {"device": device, "precision": precision, "minutes": minutes, "compile": compile}
    judge = {"embedder": embedder, "pack": pack}
    outcome = benchmark.run_suite(budget, face_ref, **wanted, **judge, **running)
    say("\n".join(outcome.summary()))
    if outcome.failed:
        raise typer.Exit(1)
