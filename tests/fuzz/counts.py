"""What came of the damaged files of one kind, as the reports have it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """What came of one kind of file."""

    tried: int = 0
    right: int = 0
    """Opened all the same."""
    refused: int = 0
    """By one line."""
    escaped: int = 0
    slowest_s: float = 0.0
    peak_mb: float = 0.0
