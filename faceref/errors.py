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
    hint = closest(value, valid)
    return FaceRefError(f"Unknown {kind} {value!r}.{hint} Choose from: {', '.join(valid)}.")


def closest(value: str, choices: Iterable[str]) -> str:
    """` Did you mean ...?` with the closest of `choices`; empty where none is close."""
    close = difflib.get_close_matches(value, list(choices), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
