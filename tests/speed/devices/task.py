"""What a part is given and what it finds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

CPU = "cpu"
COSINE = 0.999
"""Least cosine of an embedding to that of the CPU."""
Given = TypeVar("Given")


class Skipped(Exception):
    """Something is not at hand; says what."""


@dataclass(frozen=True)
class Task:
    """What a part is given."""

    device: str
    """`cpu` or `cuda`."""
    face_ref: Path
    folder: Path
    """Of this part's own, empty."""
    pack: str | None = None

    def of(self, small: Given, whole: Given) -> Given:
        """`small` on the CPU, which is there to test this script; else `whole`."""
        return small if self.device == CPU else whole

    @property
    def seconds(self) -> float:
        """How long one rate is measured."""
        return self.of(0.1, 4.0)

    @property
    def sides(self) -> dict[str, str]:
        """Both devices, by what numbers call them."""
        return {"cpu": CPU, "there": self.device}


@dataclass(frozen=True)
class Found:
    """What a part found."""

    numbers: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    """What the device does not do as the CPU does; none is well."""


def rate(work: Callable[[], object], count: int, seconds: float) -> float:
    """Of `work`, which does `count` and waits for the device: how many a second.

    The first call, which takes longer, is the caller's.
    """
    calls, start = 0, time.perf_counter()
    while not calls or time.perf_counter() - start < seconds:
        work()
        calls += 1
    return round(calls * count / (time.perf_counter() - start), 1)


def faults_of(*rules: tuple[bool, str]) -> list[str]:
    """The texts of the rules that do not hold."""
    return [text for holds, text in rules if not holds]
