"""What long work shows: progress bars, in a terminal, a notebook or a log, and tables."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from faceref.errors import FaceRefError, cannot_write, unknown_choice

LINE_SECONDS = 30.0
"""Between two lines about progress in a log."""
Progress = Callable[..., None]
"""Called with the units done, the units in all and, where it helps, a line about the state."""
Bar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a label."""
Table = tuple[str, list[str], list[list[str]]]
"""Title, column names and rows."""


def say(text: object) -> None:
    """Print a result; raises UnwritableError where what is printed cannot be written."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write("what is printed", error) from error


def say_aside(text: object) -> None:
    """Print a remark to stderr, where it does not mix with results."""
    print(text, file=sys.stderr, flush=True)


def need_option(name: str, given: bool, example: str) -> None:
    """Raise FaceRefError unless the option `name` was `given`."""
    if not given:
        raise FaceRefError(f"{name} is missing. Example: {example}")


def need_choice(kind: str, value: str, choices: Sequence[str]) -> None:
    """Raise FaceRefError unless `value` is one of `choices`."""
    if value not in choices:
        raise unknown_choice(kind, value, choices)


def need_one(given: Mapping[str, Any], least: int = 1) -> Any:
    """The one option of `given`, by its name, that has a value; raises FaceRefError otherwise.

    With `least` 0 there may be none: None.
    """
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise FaceRefError(f"{' and '.join(named)} do not go together: give one of them.")
    if len(named) < least:
        raise FaceRefError(f"Give one of {', '.join(given)}.")
    return given[named[0]] if named else None


def print_frame(title: str, frame: Any) -> None:
    """Print a pandas DataFrame, its index first; truth is `yes` or `no`, what is missing `-`."""
    words = {True: "yes", False: "no"}

    def cell(value: Any) -> str:
        if value is None or value != value:
            return "-"
        return words[bool(value)] if isinstance(value, bool) else f"{value}"

    rows = [[cell(value) for value in row] for row in frame.itertuples()]
    print_table(title, [str(frame.index.name), *frame.columns], rows, numbers=False)


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
    console = Console()
    # Not by the console itself: where the reader of a pipe has gone it ends the process.
    with console.capture() as text:
        console.print(table)
    say(text.get().rstrip("\n"))


@contextmanager
def progress_bar(label: str, unit: str = "", *, shown: bool = True) -> Iterator[Progress]:
    """A progress bar: in a terminal on stderr, in a notebook as a widget.

    Where stderr is neither, as in a log, a line every half minute.

    Args:
        label: What is done, in a word or two.
        unit: What is counted, for the rate, such as `images`.
        shown: False shows nothing.

    Yields:
        What to call with the units done, the units in all and, if you like, the state.

    Example:
        >>> with progress_bar("Counting", "numbers", shown=False) as progress:
        ...     for number in range(3):
        ...         progress(number + 1, 3)
    """
    if not shown:
        yield lambda done, total, state="": None
    elif sys.stderr.isatty() or _in_notebook():
        with _tqdm_bar(label, unit) as update:
            yield update
    else:
        yield _lines(label)


@contextmanager
def _tqdm_bar(label: str, unit: str) -> Iterator[Progress]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Without ipywidgets tqdm shows text, and warns.
        from tqdm.auto import tqdm

        bar = tqdm(desc=label, unit=unit or "it", dynamic_ncols=True)
    with bar:

        def update(done: int, total: int, state: str = "") -> None:
            bar.total = total
            if state:
                bar.set_postfix_str(state, refresh=done == bar.n)
            bar.update(done - bar.n)

        yield update


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel; IPython is asked only where it is loaded already."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _lines(label: str) -> Progress:
    """What `progress_bar` yields for a log: the first and last state, and one each half minute."""
    last = -LINE_SECONDS

    def update(done: int, total: int, state: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS or done == total:
            last = now
            say_aside(f"{label}: {done}/{total} {state}".rstrip())

    return update
