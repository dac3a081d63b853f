"""A release opened for reading: an index that was published, or the full set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceref.dataset import store
from faceref.dataset.store import SPLITS
from faceref.errors import FaceRefError
from faceref.reading.json_file import JsonObject, read_json
from faceref.reading.parquet import read_parquet
from faceref.release.format import INDEX, INDEX_FORMAT, RELEASE, index_schema

Row = dict[str, Any]
AGAIN = "Download the index again."
WHOLE = store.WHOLE | {"png_sha256", "pixels_sha256"}
"""Columns in which nothing may be missing."""


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
    def _whole(self) -> JsonObject:
        return read_json(self.root / store.MANIFEST, AGAIN, store.MANIFEST_SHAPE)

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest of the set, as far as it was published."""
        return self._whole.without(RELEASE)

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
            yield from read_parquet(path, AGAIN, self._schema, whole=WHOLE).to_pylist()

    @property
    def _schema(self) -> pa.Schema:
        """The columns that an index with these things withheld has."""
        return index_schema(self.release["withheld"])

    @cached_property
    def rejects(self) -> list[Row]:
        """The table of rejected images."""
        schema = store.REJECT_SCHEMA
        if self.withholds("identities"):
            schema = schema.remove(schema.get_field_index("identity"))
        return read_parquet(
            self.root / store.REJECTS, AGAIN, schema, whole={"image_id", "reason"}
        ).to_pylist()
