"""What a method may be called: its name is a folder of results and a cell of tables."""

from __future__ import annotations

import re

from faceref.errors import FaceRefError

MOST = 64
"""Letters of a name."""
_PLAIN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9 _.+-]{{0,{MOST - 1}}}(?<![ .])")
PLAIN = f"letters, digits, spaces and -_.+, a letter or digit first, at most {MOST}"


def is_plain(name: str) -> bool:
    """Whether `name` can be a method's: `PLAIN`, with no space or full stop at its end."""
    return _PLAIN.fullmatch(name) is not None


def need_plain_name(name: str) -> None:
    """Raises FaceRefError for a `name` that cannot name a method, and the folder of its results."""
    if not is_plain(name):
        shown = f"{name[:MOST]!r}..." if len(name) > MOST else repr(name)
        raise FaceRefError(f"{shown} is no name for a method. Give it one of {PLAIN}.")


def is_title(title: str) -> bool:
    """Whether `title` can stand in a cell of a table: one line, printable, not too long."""
    return title.isprintable() and bool(title.strip()) and len(title) <= 2 * MOST
