"""The command `facebench evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import (
    MORE,
    Device,
    FaceRefDir,
    Judge,
    JudgePack,
    Limit,
    Metrics,
    References,
    TaskName,
    Threads,
    use_threads,
)

EVALUATE = """**Examples**

`facebench evaluate face_ref --method bicubic`

`facebench evaluate face_ref --method msrnet --weights runs/msrnet --metrics lpips_alex,identity`

`facebench evaluate face_ref --predictions DIR --name mine` for outputs of your own method: one
`DIR/<image_id>.png` for each face of the split, 128x128 in 8-bit RGB, and no other file

`facebench evaluate face_ref --spandrel x8.safetensors --name mine` for weights of a single-image x8
network that the package spandrel knows (`pip install 'face-ref[spandrel]'`)
"""


def evaluate(
    face_ref: FaceRefDir,
    method: Annotated[
        str | None, typer.Option("--method", "-m", help="See `facebench methods`.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Of the method: folder of a training, or exported .safetensors."),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Instead of a method: a folder of its outputs.")
    ] = None,
    spandrel: Annotated[
        Path | None, typer.Option(help="Instead of a method: weights that spandrel knows.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Leaderboard name, needed with --predictions or --spandrel.")
    ] = None,
    references: References = 5,
    reference_list: Annotated[
        str,
        typer.Option(help="refs_lr: found with the LR face; refs_hr: with the HR; both; random."),
    ] = "refs_lr",
    metrics: Metrics = "",
    results: Annotated[Path, typer.Option(help="Folder for the result file.")] = Path("results"),
    task: TaskName = None,
    split: Annotated[str, typer.Option(help="test or val.", rich_help_panel=MORE)] = "test",
    limit: Limit = None,
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Give the HR face itself as reference: a check, on no leaderboard.",
            rich_help_panel=MORE,
        ),
    ] = False,
    embedder: Judge = "dlib",
    pack: JudgePack = None,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Score a method on a split, image by image, and write the result file.

    Example: `facebench evaluate face_ref --method bicubic`
    """
    import benchmark
    from faceref.console import need_one, say

    need_one({"--weights": weights, "--predictions": predictions, "--spandrel": spandrel}, least=0)
    what = need_one({"--method": method, "--predictions": predictions, "--spandrel": spandrel})
    use_threads(threads)
    found = benchmark.evaluate(
        what,
        face_ref,
        weights=weights,
        name=name,
        task=task,
        split=split,
        references=references,
        reference_list=reference_list,
        oracle=oracle,
        limit=limit,
        metrics=metrics,
        embedder=embedder,
        pack=pack,
        device=device,
        results=results,
    )
    numbers = found.means | found.set_scores
    means = ", ".join(f"{metric} {value:.4f}" for metric, value in numbers.items())
    say(f"{found.path(results)}: {means}")
