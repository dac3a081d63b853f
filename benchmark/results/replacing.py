"""What a result may replace: one of the same network on the same faces, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.results.files import read_if_whole
from benchmark.results.result import Result
from faceref.errors import FaceRefError


def need_replaceable(result: Result, folder: Path) -> None:
    """Raise FaceRefError where a result would replace one of other faces, or another network's.

    Called before anything is scored, and before it is written. Both lie at one path, which says
    neither the set nor the weights. More faces may replace fewer.

    Args:
        result: As far as it is known; its scores are not looked at.
        folder: Of all results.

    Raises:
        FaceRefError: With both values, and the way out.
    """
    path = result.path(folder)
    older = read_if_whole(path)
    if older is None:
        return
    faces = _faces(older, result.data_revision, result.split)
    _need_same(path, [*faces, *_networks(older, result)], "--results")
    if older.images > result.images:
        raise FaceRefError(
            f"{path} holds {older.images} faces of {older.split}, which {result.images} of them "
            f"would replace. {_way_out(path, '--results')}"
        )


def need_same_faces(path: Path, data_revision: str, split: str) -> None:
    """Raise FaceRefError where a result of a suite would replace one of another set or split.

    Called before anything is trained. What else a suite makes anew, it replaces: the results of
    another training, and more faces by fewer.

    Args:
        path: Of the result that is planned.
        data_revision: Of the set.
        split: That is scored.

    Raises:
        FaceRefError: With both values, and the way out.
    """
    older = read_if_whole(path)
    if older is not None:
        _need_same(path, _faces(older, data_revision, split), "--out")


Compared = tuple[str, object, object]
"""How errors call a value, the older one, and the new one."""
_PARTS = (
    ("training", "weights_sha256", "SHA-256 of its weights"),
    ("weights", "sha256", "SHA-256 of its weights"),
    ("adaptation", "pool", "pool (data revision)"),
    ("adaptation", "network_sha256", "SHA-256 of the network that was adapted"),
    ("adaptation", "learning_rate", "learning rate of its adaptation"),
    ("adaptation", "error_taken", "share of the error that its memory takes away"),
)
"""Field of a result, key in it, and how errors call it."""


def _faces(older: Result, data_revision: str, split: str) -> list[Compared]:
    return [
        ("set (data revision)", older.data_revision, data_revision),
        ("split", older.split, split),
    ]


def _networks(older: Result, result: Result) -> Iterator[Compared]:
    for part, key, name in _PARTS:
        old, new = ((getattr(one, part) or {}).get(key) for one in (older, result))
        yield name, old, new
    if (result.adaptation or {}).get("steps"):  # Fine-tuned: nothing else tells its seed.
        old, new = ((one.adaptation or {}).get("seconds") for one in (older, result))
        yield "fine-tuning (by its seconds)", old, new


def _need_same(path: Path, compared: list[Compared], option: str) -> None:
    for name, old, new in compared:
        if old != new:
            raise FaceRefError(
                f"{path} holds a result of another {name}: {_short(old)}, now {_short(new)}. "
                f"{_way_out(path, option)}"
            )


def _way_out(path: Path, option: str) -> str:
    return f"Give a new folder as {option}, or delete {path}."


def _short(value: object) -> str:
    """`value`, or the first digits of a SHA-256."""
    return "none" if value is None else str(value)[:12]
