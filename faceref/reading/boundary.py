"""The boundary between a file and the program: whatever goes wrong becomes one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceref.errors import FaceRefError

MOST_LETTERS = 160
"""Of what a library says; the rest is left out."""


@contextmanager
def reading(path: Path, way_out: str, what: str = "is damaged") -> Iterator[None]:
    """Turn any exception of the block into a FaceRefError that names `path`.

    Decoders raise errors of many kinds on damaged files, also such as no documentation names, so
    all are caught; a FaceRefError passes as it is.

    Args:
        path: The file that the block reads.
        way_out: What to do about it, one or two sentences.
        what: What is wrong with it, in words, to which the cause is added.

    Raises:
        FaceRefError: One line: the file, what is wrong, the way out.

    Example:
        >>> with reading(Path("faces.csv"), "Get it again."):
        ...     int("x")
        Traceback (most recent call last):
        faceref.errors.FaceRefError: faces.csv is damaged (ValueError: invalid literal for int() ...
    """
    try:
        yield
    except FaceRefError:
        raise
    except Exception as error:
        raise broken(path, error, way_out, what) from error


def broken(path: Path, error: Exception, way_out: str, what: str = "is damaged") -> FaceRefError:
    """The error for a file that `error` came of: cannot be read, is empty, or `what`."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return FaceRefError(f"{path} cannot be read: {error.strerror}. {way_out}")
    if is_empty(path):
        return FaceRefError(f"{path} is empty: it has 0 bytes. {way_out}")
    return FaceRefError(f"{path} {what} ({cause(error)}). {way_out}")


def is_empty(path: Path) -> bool:
    """Whether `path` is a file of 0 bytes."""
    try:
        return path.is_file() and path.stat().st_size == 0
    except (OSError, ValueError):
        return False


def cause(error: BaseException) -> str:
    """The kind of an error and the first line of what it says, printable and not long."""
    said = next(iter(str(error).strip().splitlines()), "")
    said = "".join(letter if letter.isprintable() else "?" for letter in said)
    said = re.sub(r"\s+", " ", said).rstrip(".")
    short = said if len(said) <= MOST_LETTERS else f"{said[:MOST_LETTERS]}..."
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
