"""What the API accepts in more than one form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceref.dataset.face_ref import FaceRef
    from faceref.embed.base import Embedder


def path_or_none(path: str | Path | None) -> Path | None:
    """A path, of text or as it is; None for None."""
    return None if path is None else Path(path)


def embedder_of(faces: FaceRef, name: str | None, pack: str | Path | None) -> Embedder | None:
    """The embedder of a build, opened as its manifest says; None where none was named."""
    from faceref.embed.registry import DEFAULT_DET_SIZE, open_embedder

    if not (name or pack):
        return None
    det_size = faces.manifest["embedder"].get("det_size", DEFAULT_DET_SIZE)
    folder = None if pack is None else str(pack)
    return open_embedder(name or "insightface", pack=folder, det_size=det_size)
