"""The command `facebench train`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from benchmark.cli.options import Device, Threads

EPILOG = """**Examples**

`facebench train face_ref --method edsr --budget small --out runs/edsr`

`facebench train face_ref --method msrnet --budget full --device cuda --compile --minutes 9
--out runs/msrnet`

`torchrun --nproc_per_node 2 -m benchmark train face_ref --method edsr --budget full
--device cuda --out runs/edsr`

Interrupted, or out of time? Give the same command again: it goes on, to the same weights.
"""


def train(
    face_ref: Annotated[Path, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")],
    method: Annotated[str, typer.Option("--method", "-m", help="See `facebench methods`.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    budget: Annotated[str, typer.Option(help="debug, demo, small or full.")] = "small",
    learning_rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="0.0002, 0.0004, 0.0008 or 0.0016, in place of the budget's."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, batches and references.")] = 0,
    references_from: Annotated[
        str, typer.Option(help="both, refs_hr, refs_lr or random: to learn what training needs.")
    ] = "both",
    device: Device = "cpu",
    threads: Threads = 0,
    precision: Annotated[
        str, typer.Option(help="auto, bf16 or fp32; auto: fp32 where bf16 is only imitated.")
    ] = "auto",
    minutes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Stop with a checkpoint before that time is over.", min=0.1),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile; on a GPU with CUDA graphs.")
    ] = False,
    log_dir: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for TensorBoard."),
    ] = None,
) -> None:
    """Train a method; val chooses the weights, no image of the test split is opened."""
    import time

    from benchmark.protocol import budgets
    from benchmark.training.train import Running, precision_note
    from benchmark.training.train import train as run_training
    from benchmark.training.trainer import TimeUp
    from benchmark.training.tuning import at_rate
    from faceref.console import progress_bar, say
    from faceref.dataset.store import FaceRef

    use_threads(threads)
    until = None if minutes is None else time.monotonic() + 60 * minutes
    running = Running(device, compiled, log_dir, until, precision)
    wanted = budgets.budget(budget)
    if learning_rate is not None:
        wanted = at_rate(wanted, learning_rate)
    if note := precision_note(wanted, running):
        say(note)
    try:
        with progress_bar(f"Training {method}", "steps") as progress:
            report = run_training(
                FaceRef.open(face_ref),
                method,
                wanted,
                out,
                seed=seed,
                reference_list=references_from,
                running=running,
                progress=progress,
            )
    except TimeUp as stop:
        say(f"Time is up after {stop}. The same command goes on from {out}.")
        return
    say(
        f"{out}: val PSNR-Y {report['val_psnr_y']:.2f} dB at step {report['best_step']}. "
        f"Next: facebench evaluate {face_ref} --method {method} --run {out}"
    )


def use_threads(count: int) -> None:
    """Give torch `count` CPU threads; 0 leaves it as it is."""
    if count:
        import torch

        torch.set_num_threads(count)


def add_train(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(train)
