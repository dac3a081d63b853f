"""The command `facebench validate`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

EPILOG = """**Examples**

`facebench validate results` checks every result below a folder

`facebench validate theirs/small-s0.json --face-ref face_ref` checks one that somebody sent, and
that its images are those of the split
"""


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Result files, or folders of them.")],
    face_ref: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The Face_Ref that they must be of."),
    ] = None,
) -> None:
    """Check results: hashes, numbers, means, image ids; exit status 1 where any is wrong."""
    from benchmark.results.validate import validate_all
    from faceref.console import say
    from faceref.dataset.store import FaceRef

    found = validate_all(paths, FaceRef.open(face_ref) if face_ref else None)
    for path, wrong in found.items():
        say(f"{path}: {wrong or 'sound'}")
    bad = sum(wrong is not None for wrong in found.values())
    say(f"{len(found)} results, {bad} of them wrong.")
    if bad:
        raise typer.Exit(1)


def add_validate(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(validate)
