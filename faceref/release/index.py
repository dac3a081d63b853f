"""A release opened for reading: an index that was published, or the full set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from faceref.dataset import store
from faceref.dataset.store import SPLITS
from faceref.errors import FaceRefError
from faceref.release.format import INDEX, INDEX_FORMAT, RELEASE

Row = dict[str, Any]


@dataclass(frozen=True)
class Index:
    """The index of a Face_Ref: everything but the images, see `faceref.release.format`."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Index:
        """Open `root`; raises FaceRefError where it is no index of this format."""
        found = cls(root)
        if not (root / store.MANIFEST).is_file():
            raise FaceRefError(
                f"{root} is no index: it has no {store.MANIFEST}. Download one with "
                f"`hf download OWNER/NAME --repo-type dataset --local-dir {root}`, or make one "
                "with `faceref publish FACE_REF OWNER/NAME --dry-run`."
            )
        section = found._whole.get(RELEASE)
        if section is None or section["kind"] != INDEX:
            raise FaceRefError(
                f"{root} holds its own images, so there is nothing to hydrate. "
                f"Check it with `faceref verify {root}`."
            )
        if section["format"] != INDEX_FORMAT:
            raise FaceRefError(
                f"{root} is an index of format {section['format']!r}; this version reads "
                f"{INDEX_FORMAT}. Install the version of face-ref that made it."
            )
        return found

    @cached_property
    def _whole(self) -> dict[str, Any]:
        try:
            return json.loads((self.root / store.MANIFEST).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise FaceRefError(
                f"{self.root / store.MANIFEST} is damaged ({error}). Download the index again."
            ) from error

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest of the set, as far as it was published."""
        return {name: value for name, value in self._whole.items() if name != RELEASE}

    @property
    def release(self) -> dict[str, Any]:
        """What the release says of itself: `files`, `withheld`, `version`, ..."""
        return self._whole[RELEASE]

    def withholds(self, what: str) -> bool:
        """Whether `pixels`, `identities`, `embeddings` or `landmarks` were kept back."""
        return what in self.release["withheld"]

    @cached_property
    def rows(self) -> list[Row]:
        """All rows, split by split, in the order of the shards of the set."""
        return [row for split in SPLITS for row in self._rows(split)]

    def _rows(self, split: str) -> Iterator[Row]:
        paths = sorted((self.root / INDEX).glob(f"{split}-*.parquet"))
        if not paths:
            raise FaceRefError(
                f"{self.root}/{INDEX} lacks the split {split!r}. Download the index again."
            )
        for path in paths:
            yield from pq.read_table(path).to_pylist()

    @cached_property
    def rejects(self) -> list[Row]:
        """The table of rejected images."""
        return pq.read_table(self.root / store.REJECTS).to_pylist()
