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

`memory` trains nothing: the network's error on each face of the pool is known, and a regression
learns to expect it. Where that does not help people who are left out, nothing is changed.
"""


def adapt(
    face_ref: FaceRefDir,
    out: Annotated[Path, typer.Option(help="File to write: NAME.safetensors.")],
    weights: Annotated[
        str,
        typer.Option(
            help="Folder of a training, an exported file, or a method whose weights are here."
        ),
    ] = "msrnet",
    by: Annotated[str, typer.Option(help="memory or tuning.")] = "memory",
    faces: Annotated[
        int | None,
        typer.Option(help="Faces of train to learn from, at random. Default: all.", min=1),
    ] = None,
    references: Annotated[
        int, typer.Option(help="References given, too, K, 0 to 8.", min=0, max=8)
    ] = 0,
    reference_list: ReferenceList = "refs_lr",
    steps: Annotated[int, typer.Option(help="Of tuning, 16 faces each.", min=1)] = 100,
    learning_rate: Annotated[
        float, typer.Option(help="Of tuning: its peak.", rich_help_panel=MORE)
    ] = 2e-4,
    seed: Annotated[
        int, typer.Option(help="Of the faces drawn and of batches.", rich_help_panel=MORE)
    ] = 0,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Adapt a network to where the train faces of a set are from, in minutes.

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
