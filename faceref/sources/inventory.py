"""What of a source is on disk, and what is missing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError

SHOWN = 5
"""Names of missing things that a message gives; the rest is counted."""
_NO_TEXT = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Count:
    """How many of one kind of thing are there."""

    what: str
    """In the plural: `images`."""
    found: int
    expected: int | None = None
    """None where nobody says how many there should be."""
    missing: tuple[str, ...] = ()
    """Names of some that are missing, where they are known: at most `SHOWN`."""

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.missing and self.expected in (None, self.found)

    def text(self) -> str:
        """One line: `202,598 of 202,599 images; missing: 000123.jpg`."""
        if self.expected is None:
            return f"{self.found:,} {self.what}"
        line = f"{self.found:,} of {self.expected:,} {self.what}"
        if not self.missing:
            return line
        more = self.expected - self.found - len(self.missing)
        names = ", ".join(self.missing) + (f" and {more:,} more" if more > 0 else "")
        return f"{line}; missing: {names}"


def count(what: str, expected: Sequence[str], found: Collection[str]) -> Count:
    """The count of the `expected` names that are among `found`."""
    missing = [name for name in expected if name not in found]
    return Count(what, len(expected) - len(missing), len(expected), tuple(missing[:SHOWN]))


@dataclass(frozen=True)
class PassedOver:
    """Files, folders or rows of a source that are none of its images, for one reason."""

    reason: str
    count: int
    names: tuple[str, ...]
    """Some of them, at most `SHOWN`."""

    def text(self) -> str:
        """One line: `2 passed over, hidden: a/.x, b/.y`."""
        return f"{self.count:,} passed over, {self.reason}: {first_names(self.names, self.count)}"


@dataclass(frozen=True)
class Inventory:
    """The account of one source on disk."""

    title: str
    """As papers write it: `CelebA`."""
    root: str
    """Where it was looked for."""
    counts: tuple[Count, ...]
    faults: tuple[str, ...] = ()
    """What is there but wrong, each with the way out."""
    notes: tuple[str, ...] = ()
    """What is worth knowing and no fault."""
    passed_over: tuple[PassedOver, ...] = ()
    """What lies in the source and is none of its images."""

    @property
    def complete(self) -> bool:
        """Whether all is there and nothing is wrong."""
        return not self.faults and all(item.complete for item in self.counts)

    def text(self) -> str:
        """Several lines for people: each count, fault and note."""
        state = "complete" if self.complete else "not complete"
        lines = [item.text() for item in self.counts]
        lines += [f"wrong: {fault}" for fault in self.faults]
        lines += [f"note: {note}" for note in self.notes]
        lines += [item.text() for item in self.passed_over]
        return "\n  ".join([f"{self.title} at {plain_text(self.root)}: {state}", *lines])

    def require(self, partial: bool) -> None:
        """Raise FaceRefError unless all is there, or is wanted as it is (`partial`).

        Faults are errors with `partial` too.
        """
        if self.faults:
            raise FaceRefError(f"{self.title} at {self.root}: {' '.join(self.faults)}")
        short = [item.text() for item in self.counts if not item.complete]
        if short and not partial:
            raise FaceRefError(
                f"{self.title} at {self.root} is not complete: {'; '.join(short)}. "
                "Get what is missing, or build from what is there with --partial."
            )

    def manifest(self) -> dict[str, Any]:
        """Counts and notes without any path, for `face_ref.json`."""
        return {
            "complete": self.complete,
            "counts": {
                item.what: {"found": item.found, "expected": item.expected} for item in self.counts
            },
            "notes": list(self.notes),
            "passed_over": {item.reason: item.count for item in self.passed_over},
        }


def plain_text(name: str) -> str:
    """A file name as text that can be printed and stored: bytes that are no UTF-8 as `\\xe9`."""
    return _NO_TEXT.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def first_names(names: Iterable[str], total: int) -> str:
    """Some names and how many more there are, for a message."""
    shown = [name for name, _ in zip(names, range(SHOWN), strict=False)]
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def md5(path: Path) -> str:
    """MD5 of a file, hexadecimal; kept while the file has the same size and time."""
    state = path.stat()
    return _md5(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=32)
def _md5(path: Path, size: int, changed: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
