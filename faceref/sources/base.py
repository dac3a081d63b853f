"""What a source is."""

from __future__ import annotations

from dataclasses import dataclass

from faceref.errors import FaceRefError
from faceref.record import Record


@dataclass(frozen=True)
class Source:
    """Faces to build from, with the terms they come under."""

    name: str
    licence: str
    """Terms of the images, as the data-set card gives them."""
    records: tuple[Record, ...]
    """In the order of the build; image ids are unique."""

    def __post_init__(self) -> None:
        if not self.records:
            raise FaceRefError(f"The source {self.name!r} has no images.")
