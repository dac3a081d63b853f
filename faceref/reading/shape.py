"""What a value that was read must look like, as far as the program relies on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError

Shape = Any
"""A type; `Number`; `[shape]`, a list of it; `(shape, shape)`, a list of these two;
`{key: shape}`, where keys may be missing; `Each`; `Maybe`."""


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False


@dataclass(frozen=True)
class Each:
    """An object whose values all have one shape, whatever its keys."""

    value: Shape


@dataclass(frozen=True)
class Maybe:
    """A shape, or null."""

    value: Shape


COUNT = Number(0, 2**53, whole=True)
NUMBER = Number()
_NAMES = {str: "a text", bool: "true or false", dict: "an object", list: "a list"}


def need_shape(value: Any, shape: Shape, path: Path, way_out: str, key: str = "") -> None:
    """Raise FaceRefError where a value read from `path` is not of `shape`.

    Args:
        value: What was read; of objects, keys that `shape` does not name are not looked at.
        shape: See `Shape`.
        path: The file, for the message.
        way_out: What to do then.
        key: Where in the file the value lies, such as `counts.train`.

    Example:
        >>> counts = {"counts": {"train": "many"}}
        >>> need_shape(counts, {"counts": Each(COUNT)}, Path("set.json"), "Build it again.")
        Traceback (most recent call last):
        faceref.errors.FaceRefError: set.json: counts.train is 'many', expected a...
    """
    if isinstance(shape, Maybe):
        if value is not None:
            need_shape(value, shape.value, path, way_out, key)
    elif isinstance(shape, Number):
        _need(_is_number(value, shape), value, _number(shape), path, way_out, key)
    elif isinstance(shape, (Each, dict)):
        _need(isinstance(value, Mapping), value, "an object", path, way_out, key)
        for name, item in value.items():
            inner = shape.value if isinstance(shape, Each) else shape.get(name)
            if inner is not None:
                below = f"{key}.{name}" if key else str(name)
                need_shape(item, inner, path, way_out, below)
    elif isinstance(shape, tuple):
        right = isinstance(value, list) and len(value) == len(shape)
        _need(right, value, f"a list of {len(shape)}", path, way_out, key)
        for place, (item, inner) in enumerate(zip(value, shape, strict=True)):
            need_shape(item, inner, path, way_out, f"{key}[{place}]")
    elif isinstance(shape, list):
        _need(isinstance(value, list), value, "a list", path, way_out, key)
        for place, item in enumerate(value):
            need_shape(item, shape[0], path, way_out, f"{key}[{place}]")
    else:
        wanted = _NAMES.get(shape) or str(shape.__name__)
        _need(isinstance(value, shape), value, wanted, path, way_out, key)


def _is_number(value: Any, shape: Number) -> bool:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not known or (shape.whole and not isinstance(value, int)):
        return False
    return math.isfinite(value) and shape.low <= value <= shape.high


def _number(shape: Number) -> str:
    what = "a whole number" if shape.whole else "a number"
    if shape.low == -math.inf and shape.high == math.inf:
        return what
    high = "" if shape.high in (math.inf, COUNT.high) else f" to {shape.high:,.10g}"
    return f"{what} from {shape.low:,.10g}{high}" + ("" if high else " up")


def _need(right: bool, value: Any, wanted: str, path: Path, way_out: str, key: str) -> None:
    if not right:
        found = "missing (null)" if value is None else f"{value!r:.60}"
        where = f"{path}: {key} is" if key else f"{path} holds"
        raise FaceRefError(f"{where} {found}, expected {wanted}. {way_out}")
