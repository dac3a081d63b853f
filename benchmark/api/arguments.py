"""What the API accepts in more than one form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceref.dataset.face_ref import FaceRef


def open_set(faces: FaceRef | str | Path) -> FaceRef:
    """A set, opened if its folder was given."""
    from faceref.dataset.face_ref import FaceRef

    return FaceRef.open(faces)


def joined(names: str | Sequence[str]) -> str:
    """Names between commas."""
    return names if isinstance(names, str) else ",".join(names)


def listed(names: str | Sequence[str]) -> list[str]:
    """The names, of text with commas or of a sequence."""
    return [name.strip() for name in joined(names).split(",") if name.strip()]
