"""What the API accepts in more than one form."""

from __future__ import annotations

import operator
import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from faceref.dataset.face_ref import FaceRef
    from faceref.embed.base import Embedder


def as_path(path: str | PathLike[str]) -> Path:
    """A path, of text or as it is, with `~` written out."""
    return Path(os.path.expanduser(path))  # Unlike Path's, it takes a file named ~x as it is.


def path_or_none(path: str | Path | None) -> Path | None:
    """See `as_path`; None for None."""
    return None if path is None else as_path(path)


def need_whole(option: str, value: object, least: int, most: int | None = None) -> int:
    """`value` as an int, of numpy's types, too.

    Raises FaceRefError where it is no whole number from `least` to `most`.
    """
    try:
        found = operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        found = None
    if found is None or found < least or (most is not None and found > most):
        wanted = f"{least} or more" if most is None else f"from {least} to {most:,}"
        raise FaceRefError(f"{option} {value!r}: a whole number, {wanted}.")
    return found


def need_seed(seed: object) -> int:
    """A seed that generators of random numbers take; raises FaceRefError for another."""
    return need_whole("--seed", seed, 0, 2**63 - 1)


def embedder_of(faces: FaceRef, name: str | None, pack: str | Path | None) -> Embedder | None:
    """The embedder of a build, opened as its manifest says; None where none was named."""
    from faceref.embed.registry import DEFAULT_DET_SIZE, open_embedder

    if not (name or pack):
        return None
    made_with = faces.manifest["embedder"]
    return open_embedder(
        name or "insightface",
        pack=None if pack is None else str(pack),
        det_size=made_with.get("det_size", DEFAULT_DET_SIZE),
        precision=made_with.get("precision", "fp32"),
    )
