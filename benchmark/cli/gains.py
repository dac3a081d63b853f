"""The command `facebench gains`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = (
    """**Example:** `facebench gains reports/results --studies reports/studies --out reports`"""
)


def gains(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    studies: Annotated[
        Path, typer.Option(help="Folder of files of `facebench study references`.")
    ] = Path("reports/studies"),
    out: Annotated[Path, typer.Option(help="Folder for page and figure.")] = Path("reports"),
    budget: Annotated[str, typer.Option(help="Whose leaderboard.")] = "small",
    task: Annotated[str, typer.Option(help="Which task.")] = "lfw-x8@1",
) -> None:
    """Do references help? Paired differences of a leaderboard, with intervals, on one page."""
    from benchmark.studies.gains_page import write_gains
    from faceref.console import say

    for path in write_gains(results, studies, out, budget, task):
        say(str(path))


def add_gains(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(gains)
