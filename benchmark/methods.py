"""The registry of methods: one file each in `baselines/`, imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError, unknown_choice

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).resolve().parents[1] / "baselines"


@dataclass(frozen=True)
class Method:
    """One way to enlarge a face.

    `build()` gives a module whose `forward(lr, refs)` takes `lr` (N, 3, 16, 16) and `refs`
    (N, K, 3, 128, 128), float32 RGB in [0, 1], K from 0 up, and returns (N, 3, 128, 128) in the
    same range, not necessarily clamped.
    """

    name: str
    """As the file: `edsr`."""
    title: str
    """As papers write it: `EDSR`."""
    paper: str
    """Authors, venue, year; or what it is."""
    build: Callable[[], nn.Module]
    uses_references: bool
    """Whether the output depends on `refs`."""
    trained: bool
    """Whether it has parameters to train."""
    needs_references: bool = False
    """Whether it cannot do without: K = 0 is an error."""
    most_references: int | None = None
    """References beyond this many are not given to it; None takes any number."""


def names() -> list[str]:
    """Names of all methods, sorted; imports none of them."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem[0] != "_")


def load(name: str) -> Method:
    """Import the method `name`; raises FaceRefError for an unknown one."""
    if name not in names():
        raise unknown_choice("method", name, names())
    module = importlib.import_module(f"baselines.{name}")
    method = getattr(module, "METHOD", None)
    if not isinstance(method, Method) or method.name != name:
        raise FaceRefError(f"baselines/{name}.py must define METHOD = Method({name!r}, ...).")
    return method
