"""The commands `facebench weights`: what metrics need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from faceref.cli.group import CommandGroup

weights_app = typer.Typer(
    cls=CommandGroup, help="Weights that metrics need: list them, fetch them, check them."
)


@weights_app.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """List the weights, what needs them and whether they are here."""
    if context.invoked_subcommand is not None:
        return
    from benchmark.metrics import weights
    from faceref.console import say

    say(f"In {weights.folder()}")
    for found in weights.WEIGHTS.values():
        say(f"{found.name}: {weights.state(found.name)}, for {', '.join(found.metrics)}")
        say(f"  {found.url}, {weights.megabytes(found)} MB")
        say(f"  SHA-256 {found.sha256}")
        say(f"  {found.licence}")
    for name, reason in weights.NEVER.items():
        say(f"{name}: not available. {reason}")
    say("Get one: facebench weights fetch NAME; without a network: --from DIR")


@weights_app.command(epilog="**Example:** `facebench weights fetch squeezenet`")
def fetch(
    name: Annotated[str, typer.Argument(help="See `facebench weights`.")],
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--from", help="Folder that holds the file: no network is used."),
    ] = None,
) -> None:
    """Fetch a file of weights and check its SHA-256; a right file that is here stays."""
    from benchmark.metrics import weights
    from faceref.console import say

    say(f"{weights.fetch(name, source)}: SHA-256 as published")
