"""The command line `faceref`. Heavy imports happen inside the commands."""

from __future__ import annotations

import typer

from faceref.cli import build, inspect, release
from faceref.cli.group import CommandGroup, Version

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


@app.callback(epilog="Begin with: `faceref build --source sample --embedder dlib --out face_ref`")
def faceref(version: Version = False) -> None:
    """Build Face_Ref: look-alike reference faces of other people, for face super-resolution."""


for _panel, _commands in PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
