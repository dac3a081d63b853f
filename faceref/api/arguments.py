"""What the API accepts in more than one form."""

from __future__ import annotations

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


def need_seed(seed: int) -> None:
    """Raise FaceRefError for a seed that no generator of random numbers takes."""
    if not 0 <= seed < 2**63:
        raise FaceRefError(f"--seed {seed}: a whole number from 0 to 2^63 - 1, such as 0.")


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
