"""How the command lines speak: errors as one line, progress bars, tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from faceref.errors import FaceRefError, unknown_choice

LINE_SECONDS = 30.0
"""Between two lines about progress in a log."""


class CommandGroup(TyperGroup):
    """A command group that shows a FaceRefError as one line and ends with status 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except FaceRefError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            typer.echo("interrupted; give the same command again to go on", err=True)
            raise typer.Exit(130) from None


def say(text: str) -> None:
    """Print one line of result."""
    typer.echo(text)


def need_option(name: str, given: bool, example: str) -> None:
    """Raise FaceRefError unless the option `name` was `given`."""
    if not given:
        raise FaceRefError(f"{name} is missing. Example: {example}")


def need_choice(kind: str, value: str, choices: Sequence[str]) -> None:
    """Raise FaceRefError unless `value` is one of `choices`."""
    if value not in choices:
        raise unknown_choice(kind, value, choices)


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True
) -> None:
    """Print a table; `numbers` puts all columns but the first to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        side = "right" if place and numbers else "left"
        table.add_column(column, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@contextmanager
def progress_bar(label: str, unit: str) -> Iterator[Callable[..., None]]:
    """A progress bar on stderr; where that is no terminal, a line every half minute.

    Yields what to call with the units done, the units in all and, if you like, a line about the
    state.
    """
    if not sys.stderr.isatty():
        yield _lines(label)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(label, total=None, rate="", state="")

        def update(done: int, total: int, state: str = "") -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:.1f} {unit}/s" if speed and unit else ""
            bar.update(task, completed=done, total=total, rate=rate, state=state)

        yield update


def _lines(label: str) -> Callable[..., None]:
    """What `progress_bar` yields for a log: the first and last state, and one each half minute."""
    vectors = -LINE_SECONDS

    def update(done: int, total: int, state: str = "") -> None:
        nonlocal vectors
        now = time.monotonic()
        if now - vectors >= LINE_SECONDS or done == total:
            vectors = now
            print(f"{label}: {done}/{total} {state}".rstrip(), file=sys.stderr, flush=True)

    return update
