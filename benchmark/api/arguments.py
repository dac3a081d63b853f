"""What the API accepts in more than one form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from faceref.dataset.face_ref import FaceRef

INPUTS = (".json", ".parquet", ".pt", ".safetensors", ".sha256")
"""Endings of what is read: results, studies, sets and weights."""


def open_set(faces: FaceRef | str | Path) -> FaceRef:
    """A set, opened if its folder was given."""
    from faceref.dataset.face_ref import FaceRef

    return FaceRef.open(faces)


def need_page(out: Path, mark: str) -> None:
    """Raise FaceRefError unless a page of text can be written to `out`: no result, no weights.

    A page that is there is replaced only if `mark` is in it, which is in all that we make.
    """
    from faceref.outputs.ours import need_new_or_ours
    from faceref.outputs.writable import need_file

    need_file(out)
    if out.suffix in INPUTS:
        raise FaceRefError(f"--out {out}: a page cannot end in {out.suffix}. Let it end in .md.")
    need_new_or_ours(out, mark)


def joined(names: str | Sequence[str]) -> str:
    """Names between commas."""
    return names if isinstance(names, str) else ",".join(names)


def listed(names: str | Sequence[str]) -> list[str]:
    """The names, of text with commas or of a sequence."""
    return [name.strip() for name in joined(names).split(",") if name.strip()]
