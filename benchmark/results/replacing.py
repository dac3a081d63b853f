"""What a result may replace: one of the same network on the same faces, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.results.files import read_if_whole
from benchmark.results.result import Result
from faceref.errors import FaceRefError


def need_replaceable(result: Result, folder: Path, *, retrained: bool = False) -> None:
    """Raise FaceRefError where a result would replace one of other faces, or another network's.

    Called before anything is scored. Both lie at one path, which says neither the set nor the
    weights. More faces may replace fewer.

    Args:
        result: As far as it is known; its scores are not looked at.
        folder: Of all results.
        retrained: Another training of that name and seed may replace its own older result, and
            fewer faces more: in the folder of a suite, which makes what its command asks for.

    Raises:
        FaceRefError: With both values, and the way out.
    """
    path = result.path(folder)
    older = read_if_whole(path)
    if older is None:
        return
    way_out = "Give another folder of results, or delete that file."
    for name, old, new in _faces(older, result) if retrained else _all(older, result):
        if old != new:
            raise FaceRefError(
                f"{path} holds a result of another {name}: {_short(old)}, now {_short(new)}. "
                f"{way_out}"
            )
    if older.images > result.images and not retrained:
        raise FaceRefError(
            f"{path} holds {older.images} faces of {older.split}, which {result.images} of them "
            f"would replace. {way_out}"
        )


Compared = Iterator[tuple[str, object, object]]
_PARTS = (
    ("training", "weights_sha256", "SHA-256 of its weights"),
    ("weights", "sha256", "SHA-256 of its weights"),
    ("adaptation", "pool", "pool (data revision)"),
    ("adaptation", "network_sha256", "SHA-256 of the network that was adapted"),
    ("adaptation", "learning_rate", "learning rate of its adaptation"),
)
"""Field of a result, key in it, and how errors call it."""


def _all(older: Result, result: Result) -> Compared:
    yield from _faces(older, result)
    yield "learning rate", older.learning_rate, result.learning_rate
    yield "precision", older.precision, result.precision
    for part, key, name in _PARTS:
        old, new = ((getattr(one, part) or {}).get(key) for one in (older, result))
        yield name, old, new


def _faces(older: Result, result: Result) -> Compared:
    yield "set (data revision)", older.data_revision, result.data_revision
    yield "split", older.split, result.split


def _short(value: object) -> str:
    """`value`, or the first digits of a SHA-256."""
    return "none" if value is None else str(value)[:12]
