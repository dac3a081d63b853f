"""The command `facebench train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import (
    MORE,
    RUNNING,
    BudgetName,
    Compile,
    Device,
    FaceRefDir,
    MethodName,
    Minutes,
    Precision,
    Threads,
    use_threads,
)

TRAIN = """**Examples**

`facebench train face_ref --method edsr --out runs/edsr`

`facebench train face_ref --method msrnet --budget full --device cuda --minutes 9 --out runs/msrnet`

`torchrun --nproc_per_node 2 -m benchmark train face_ref --method edsr --budget full --device cuda
--out runs/edsr`

Interrupted, or out of time? Give the same command again: it goes on, to the same weights.
"""


def train(
    face_ref: FaceRefDir,
    method: MethodName,
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    budget: BudgetName = "small",
    seed: Annotated[int, typer.Option(help="Of weights, batches and references.")] = 0,
    scale: Annotated[
        int,
        typer.Option(
            help="How many times larger faces become: 8, or 4 and 16 where the method can.",
            rich_help_panel=MORE,
        ),
    ] = 8,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="0.0002, 0.0004, 0.0008 or 0.0016, in place of the budget's.",
            rich_help_panel=MORE,
        ),
    ] = None,
    references_from: Annotated[
        str,
        typer.Option(
            help="Where references are drawn from: both (lists), refs_hr, refs_lr or random.",
            rich_help_panel=MORE,
        ),
    ] = "both",
    device: Device = "cpu",
    threads: Threads = 0,
    precision: Precision = "auto",
    minutes: Minutes = None,
    compile: Compile = False,
    log_dir: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard.", rich_help_panel=RUNNING)
    ] = None,
) -> None:
    """Train a method on the train split; val chooses the weights, test is not opened.

    Example: `facebench train face_ref --method edsr --out runs/edsr`
    """
    import benchmark
    from faceref.console import say

    use_threads(threads)
    try:
        run = benchmark.train(
            face_ref,
            method,
            budget=budget,
            out=out,
            scale=scale,
            learning_rate=learning_rate,
            seed=seed,
            references_from=references_from,
            device=device,
            precision=precision,
            minutes=minutes,
            compile=compile,
            log_dir=log_dir,
        )
    except benchmark.TimeUp as stop:
        say(f"Time is up after {stop}. The same command goes on from {out}.")
        return
    report = run.training()
    say(
        f"{out}: val PSNR-Y {report['val_psnr_y']:.2f} dB at step {report['best_step']}. "
        f"Next: facebench evaluate {face_ref} --method {method} --weights {out}"
    )
