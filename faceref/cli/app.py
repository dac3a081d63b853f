"""The command line `faceref`. Heavy imports happen inside the commands."""

from __future__ import annotations

from typing import Annotated

import typer

from faceref import __version__
from faceref.cli import build, inspect, release
from faceref.cli.group import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS = {
    "Build": (build.build, build.sources, inspect.inspect, inspect.certify),
    "Share": (
        release.publish,
        release.hydrate,
        release.verify,
        release.remove,
        release.archive,
    ),
    "Tools": (inspect.doctor, build.synth, build.sample),
}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"face-ref {__version__}")
        raise typer.Exit


@app.callback(epilog="Begin with: `faceref build --source sample --embedder dlib --out face_ref`")
def faceref(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Build Face_Ref: look-alike reference faces of other people, for face super-resolution."""


for _panel, _commands in PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
