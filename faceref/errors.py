"""What users see as a line, never as a traceback: our one error, and those of the system."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from pathlib import Path

_AGAIN = "Free space there and give the same command again: it goes on."
_ELSEWHERE = "Choose another place, or make that one writable."
WAYS_OUT = {
    errno.ENOSPC: ("the disk is full", _AGAIN),
    errno.EDQUOT: ("the quota of disk space is used up", _AGAIN),
    errno.EFBIG: ("the system allows no file as large", "Raise its limit, see ulimit -f."),
    errno.EROFS: ("the file system is read-only", _ELSEWHERE),
    errno.EACCES: ("permission denied", _ELSEWHERE),
    errno.EPERM: ("the system does not permit it", _ELSEWHERE),
    errno.ENOTDIR: ("a part of its path is a file, no folder", "Choose another place."),
    errno.EEXIST: ("a file of that name is where a folder must be", "Choose another place."),
    errno.EISDIR: ("a folder of that name is there", "Choose another place."),
    errno.ENOTEMPTY: ("a folder of that name is there", "Choose another place."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter one."),
    errno.EMFILE: ("too many files are open", "Raise the limit, see ulimit -n, and go on."),
    errno.ENFILE: ("too many files are open", "End other programs and go on."),
    errno.EIO: ("the disk reports an error", "Choose another place."),
}
"""What an error of the system means in plain words, and the way out."""
_LONGEST_VALUE = 80
"""Letters of a wrong value that are repeated in an error."""
_DONE_BY_HAND = "Mend that and give the same command again."


class FaceRefError(Exception):
    """A mistake in the input or the set-up; the message names the value and the way out."""


class UnusableError(FaceRefError):
    """The images of a source cannot make a set, whatever the later settings."""


class VanishedError(FaceRefError):
    """The source has gone while it was read."""


class UnwritableError(FaceRefError):
    """A file that cannot be written through no fault of the input: a full disk, a closed folder."""


class HeldError(FaceRefError):
    """Another process works on the same output."""


def cannot_write(path: Path | str, error: OSError) -> UnwritableError:
    """The error of one line for `path`, which `error` kept from being written."""
    reason, way_out = WAYS_OUT.get(error.errno or 0, (error.strerror or str(error), _ELSEWHERE))
    return UnwritableError(f"Cannot write {path}: {reason}. {way_out}")


def in_plain_words(error: OSError) -> str:
    """What an error of the system says, in one line with the file, where it names one."""
    if error.errno == errno.ENOENT and error.filename is None:  # Only os.getcwd names no file.
        return "The folder one is in has been deleted. Go to another, with cd."
    other = (error.strerror or str(error) or type(error).__name__, _DONE_BY_HAND)
    reason, way_out = WAYS_OUT.get(error.errno or 0, other)
    named = "" if error.filename is None else f"{error.filename}: "
    return f"{named}{reason}. {way_out}"


def unknown_choice(kind: str, value: object, choices: Iterable[str]) -> FaceRefError:
    """The error for `value` where one of `choices` was expected, with the closest name."""
    valid = sorted(choices)
    known = f"Choose from: {', '.join(valid)}."
    if not isinstance(value, str):
        return FaceRefError(f"Unknown {kind} {value!r}, which is no text. {known}")
    hint = closest(value, valid)
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:20]}..."
    return FaceRefError(f"Unknown {kind} {shown!r}.{hint} {known}")


def where_they_differ(one: object, other: object) -> tuple[object, object]:
    """Of two dicts the entries that differ, so that an error shows no more; else both as given."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return one, other
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    found, now = ({name: given.get(name) for name in names} for given in (one, other))
    return found, now


def closest(value: str, choices: Iterable[str]) -> str:
    """` Did you mean ...?` with the closest of `choices`; empty where none is close."""
    close = difflib.get_close_matches(value, list(choices), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


class UnreadableImage(FaceRefError):
    """An image that cannot be used; the message is the reason, without the name of the file."""
