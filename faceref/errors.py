"""The one error that users see as a line, never as a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FaceRefError(Exception):
    """A mistake in the input or the set-up; the message names the value and the way out."""


class UnusableError(FaceRefError):
    """The images of a source cannot make a set, whatever the later settings."""


def unknown_choice(kind: str, value: str, choices: Iterable[str]) -> FaceRefError:
    """The error for `value` where one of `choices` was expected, with the closest name."""
    valid = sorted(choices)
    close = difflib.get_close_matches(value, valid, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return FaceRefError(f"Unknown {kind} {value!r}.{hint} Choose from: {', '.join(valid)}.")
