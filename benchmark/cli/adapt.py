"""The command `facebench adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.options import (
    MORE,
    Device,
    FaceRefDir,
    ReferenceList,
    Threads,
    use_threads,
)

ADAPT = """**Examples**

`facebench adapt face_ref --out mine.safetensors`

`facebench adapt face_ref --weights runs/sparnet_s --faces 300 --out mine.safetensors`

`facebench adapt face_ref --weights runs/edsr --by tuning --steps 300 --out tuned.safetensors`

Then: `facebench upscale photo.jpg --weights mine.safetensors`

`--by memory` trains no weights: the network's error on each face of the pool (the train split) is
known, and a regression learns to predict it. Where the correction does not help people who were
held out, none is made.
"""


def adapt(
    face_ref: FaceRefDir,
    out: Annotated[Path, typer.Option(help="File to write: NAME.safetensors.")],
    weights: Annotated[
        str,
        typer.Option(
            help="Training folder, exported file, or method that comes with weights or needs none."
        ),
    ] = "msrnet",
    by: Annotated[
        str,
        typer.Option(help="memory: learn to correct errors; tuning: train all weights further."),
    ] = "memory",
    faces: Annotated[
        int | None,
        typer.Option(help="Faces of train to learn from, at random. Default: all.", min=1),
    ] = None,
    references: Annotated[
        int,
        typer.Option(help="References (K) given to a method that uses any, 0 to 8.", min=0, max=8),
    ] = 0,
    reference_list: ReferenceList = "refs_lr",
    steps: Annotated[int, typer.Option(help="Steps of --by tuning, 16 faces each.", min=1)] = 100,
    learning_rate: Annotated[
        float, typer.Option(help="Peak learning rate of --by tuning.", rich_help_panel=MORE)
    ] = 2e-4,
    seed: Annotated[
        int, typer.Option(help="Seed of the faces drawn and of the batches.", rich_help_panel=MORE)
    ] = 0,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Fit a network to the kind of faces that a set holds, in minutes.

    Example: `facebench adapt face_ref --out mine.safetensors`
    """
    import benchmark
    from faceref.console import say

    use_threads(threads)
    model: Any = benchmark.adapt(
        weights,
        face_ref,
        out=out,
        by=by,
        faces=faces,
        seed=seed,
        references=references,
        reference_list=reference_list,
        steps=steps,
        learning_rate=learning_rate,
        device=device,
    )
    found = model.adaptation
    say(f"{out}: {found.summary}. Card: {out.with_suffix('.md')}")
