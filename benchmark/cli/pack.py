"""The command `facebench pack`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """**Example:** `facebench pack face_ref --out lfw.tar`

On the other host: `tar xf lfw.tar`, then
`python -m benchmark train face_ref --method msrnet --budget full --device cuda --out runs/msrnet`;
bring `best.pt` and `training.json` home and evaluate them on the set itself.
"""


def pack(
    face_ref: Annotated[Path, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")],
    out: Annotated[Path, typer.Option(help="Archive to write, .tar.")],
    megabytes: Annotated[float, typer.Option(help="Its size at most.", min=0.1)] = 60.0,
    splits: Annotated[str, typer.Option(help="By commas; test is scored at home.")] = "train,val",
) -> None:
    """Put the faces of a set into one small file, to train on another host of your own."""
    from faceref.console import progress_bar, say
    from faceref.dataset.archive import write_archive as write_pack

    names = [name.strip() for name in splits.split(",") if name.strip()]
    with progress_bar("Packing", "faces") as progress:
        found = write_pack(face_ref, out, megabytes=megabytes, splits=names, progress=progress)
    how = (
        "lossless"
        if found.quality is None
        else f"WebP quality {found.quality}, {found.psnr_rgb:.1f} dB to the faces themselves"
    )
    size = out.stat().st_size / 1e6
    say(f"{out}: {found.faces:,} faces of {', '.join(found.splits)}, {size:.1f} MB, {how}.")


def add_pack(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(pack)
