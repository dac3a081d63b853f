"""What a source is, and the choices that one can be opened with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from faceref.errors import FaceRefError
from faceref.record import Record
from faceref.sources.inventory import Inventory


@dataclass(frozen=True)
class Source:
    """Faces to build from, with the terms they come under."""

    name: str
    licence: str
    """Terms of the images, as the data-set card gives them."""
    records: tuple[Record, ...]
    """In the order of the build; image ids are unique."""
    labelled: bool = True
    """Whether `identity` says who is shown. Without labels it is the image id, so that no two
    images count as one person until groups are found."""
    inventory: Inventory | None = None
    """What was found on disk; None where a source makes no promise of what there should be."""
    partial: bool = False
    """Whether something was missing and accepted."""
    revision: str | None = None
    """Commit of the data set, where it has one."""

    def __post_init__(self) -> None:
        if not self.records:
            raise FaceRefError(f"The source {self.name!r} has no images.")
        ids = Counter(record.image_id for record in self.records)
        twice = [image_id for image_id, count in ids.items() if count > 1]
        if twice:
            raise FaceRefError(
                f"The source {self.name!r} gives {len(twice):,} ids twice, such as {twice[0]!r}. "
                "Each image needs an id of its own."
            )

    def manifest(self) -> dict[str, Any]:
        """What `face_ref.json` says of the source, without any path of this machine."""
        given = sum(record.landmarks is not None for record in self.records)
        return {
            "images": len(self.records),
            "labelled": self.labelled,
            "credited": sum(record.credit is not None for record in self.records),
            "landmarks": {"given": given, "to_detect": len(self.records) - given},
            "partial": self.partial,
            "revision": self.revision,
            "inventory": None if self.inventory is None else self.inventory.manifest(),
        }


@dataclass(frozen=True)
class Choices:
    """Where a source lies and how to read it. A source takes those that its `SourceKind` names."""

    path: Path | None = None
    """Folder or file; for `hf` also the name of a data set on the Hub."""
    partial: bool = False
    """Accept a copy with something missing; the manifest records it."""
    checksums: bool = True
    """Compare files with their published MD5."""
    images: str | None = None
    """Which of several sets of images, such as `thumbnails128x128`."""
    landmarks: Path | None = None
    """CSV of five points for each image."""
    config: str | None = None
    """Configuration (subset) of a Hugging Face data set."""
    split: str | None = None
    """One split of a Hugging Face data set; None takes all."""
    revision: str | None = None
    """Branch, tag or commit of a Hugging Face data set."""
    image_column: str | None = None
    identity_column: str | None = None
    """`none` says that there are no labels."""

    def given(self) -> list[str]:
        """Names of the choices, besides the path, that differ from their default."""
        return [
            field.name
            for field in fields(self)
            if field.name != "path" and getattr(self, field.name) != field.default
        ]

    @property
    def root(self) -> Path:
        """The path, which the registry has made sure of."""
        assert self.path is not None
        return self.path


@dataclass(frozen=True)
class SourceKind:
    """One module of this folder: what it reads and how."""

    name: str
    """As the file: `celeba`."""
    title: str
    """As papers write it: `CelebA`."""
    layout: str
    """What it expects on disk, in one line."""
    open: Callable[[Choices], Source]
    """Lists the records; raises FaceRefError where the copy is not whole."""
    check: Callable[[Choices], Inventory]
    """Counts what is there without reading an image; raises only where nothing can be counted."""
    takes: Sequence[str] = ()
    """Choices, besides the path, that it understands."""
    needs_path: bool = True


def refuse_swapped(title: str, points: np.ndarray) -> None:
    """Raise FaceRefError where most faces of `points` (N, 5, 2) have left and right swapped.

    A file that counts left and right from the person's side would turn every face upside down.
    """
    swapped = float((points[:, 0, 0] > points[:, 1, 0]).mean()) if len(points) else 0.0
    if swapped > 0.5:
        raise FaceRefError(
            f"{title}: in {swapped:.0%} of the rows the left eye lies right of the right eye. "
            "Points must be left eye, right eye, nose, left and right mouth corner, as seen in the "
            "image."
        )
