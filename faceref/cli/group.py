"""What both command lines have in common: words of the shell, and how errors are reported."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from faceref import __version__
from faceref.errors import FaceRefError, in_plain_words

CLOSED_PIPE = 128 + 13
"""The status of a Unix command whose reader has gone: as SIGPIPE ends it."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"face-ref {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


class CommandGroup(TyperGroup):
    """A command group that shows an error as one line and ends with status 1."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run the command line `args`, by default that of this process."""
        _lean_on_nothing()
        words = sys.argv[1:] if args is None else args
        return super().main([at_home(word) for word in words], *more, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except FaceRefError as error:
            raise _shown(str(error)) from error
        except BrokenPipeError:
            # What is still buffered would raise it again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(CLOSED_PIPE) from None
        except OSError as error:
            raise _shown(in_plain_words(error)) from error
        except KeyboardInterrupt as stop:
            way_on = str(stop) or "give the same command again to go on"
            typer.echo(f"interrupted; {way_on}", err=True)
            raise typer.Exit(130) from None


def _shown(text: str) -> typer.Exit:
    typer.echo(f"error: {text}", err=True)
    return typer.Exit(1)


def at_home(word: str) -> str:
    """A word of a command line with `~` written out, in `--out=~/x` too, which shells leave."""
    option, path = re.fullmatch(r"(--[\w-]+=)?(.*)", word, re.DOTALL).groups("")  # type: ignore
    return option + os.path.expanduser(path)


def _lean_on_nothing() -> None:
    """Take nothing from the environment that is meant for another program."""
    # Figures go to files; the backend of a notebook may not be installed here.
    os.environ["MPLBACKEND"] = "agg"
    # A stream that was closed: the next file opened would get its number, and what is printed.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
