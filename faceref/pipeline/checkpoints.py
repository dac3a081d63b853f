"""Work in progress of a build: finished chunks on disk, so that an interrupted build goes on.

`OUT.building/` holds `recipe.json` and `parts/part-00000.parquet`, ... A part is written under a
temporary name and then renamed: it is there and whole, or it is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceref.dataset.store import QUALITY
from faceref.errors import FaceRefError, cannot_write, where_they_differ
from faceref.files import write_table, write_text
from faceref.reading.json_file import read_json
from faceref.reading.parquet import read_parquet
from faceref.record import Record
from faceref.sources.inventory import first_names

PARTS_VERSION = 4
"""Grows with the columns and the rules of the stages: an unfinished build of an earlier version
cannot be gone on with."""
_ANEW = "Delete the folder that it lies in: the build begins anew."
_AGAIN = "Delete that file and repeat the command: it makes that part again."
LIGHT_COLUMNS = ("image_id", "sha256", "identity", "landmarks", "quality", "reject")
"""What is kept as a table of all images; the vectors of an image are many times as large."""
VECTOR_COLUMNS = ("embedding", "thumbnail", "hashes")


@dataclass(frozen=True)
class BuildFolder:
    """The folder of a build that is not finished."""

    root: Path

    @classmethod
    def enter(cls, root: Path, recipe: dict[str, Any]) -> BuildFolder:
        """The build folder `root`, new or as an earlier run with the same `recipe` left it.

        Raises FaceRefError where it belongs to another recipe or cannot be written.
        """
        file, parts = root / "recipe.json", root / "parts"
        try:
            parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(parts, error) from error
        if not file.exists():
            write_text(file, json.dumps(recipe, indent=2, sort_keys=True) + "\n")
        _check_recipe(root, read_json(file, _ANEW), recipe)
        return cls(root)

    def part(self, index: int) -> Path:
        """Path of part `index`."""
        return self.root / "parts" / f"part-{index:05d}.parquet"

    def write_part(self, index: int, records: Sequence[Record]) -> None:
        """Write a finished chunk."""
        table = pa.Table.from_pylist([_row(record) for record in records], schema=_PART_SCHEMA)
        write_table(self.part(index), table)

    def tables(self, parts: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The named columns of each of the first `parts` parts."""
        for index in range(parts):
            yield read_parquet(self.part(index), _AGAIN, _PART_SCHEMA, columns=columns)

    def read(self, parts: int, columns: Sequence[str]) -> pa.Table:
        """The named columns of the first `parts` parts, in the order of the source."""
        return pa.concat_tables(self.tables(parts, columns))

    def images(self, parts: int) -> Iterator[bytes | None]:
        """The encoded aligned faces in the order of the source, None for rejected images."""
        for part in self.tables(parts, ["png"]):
            yield from part["png"].to_pylist()


_PART_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("sha256", pa.string()),
        ("identity", pa.string()),
        ("landmarks", pa.list_(pa.float32())),
        ("quality", QUALITY),
        ("embedding", pa.list_(pa.float32())),
        ("thumbnail", pa.binary()),
        ("hashes", pa.binary()),
        ("png", pa.binary()),
        ("reject", pa.string()),
    ]
)


def _row(record: Record) -> dict[str, Any]:
    return {
        "image_id": record.image_id,
        "sha256": record.sha256,
        "identity": record.identity,
        "landmarks": None if record.landmarks is None else record.landmarks.ravel(),
        "quality": None if record.quality is None else asdict(record.quality),
        "embedding": record.embedding,
        "thumbnail": record.thumbnail,
        "hashes": record.hashes,
        "png": record.png,
        "reject": record.reject,
    }


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is gone from, new in and changed in the images, by their marks."""
    groups = {
        "gone since": sorted(before.keys() - now.keys()),
        "new": sorted(now.keys() - before.keys()),
        "changed": sorted(name for name in before.keys() & now.keys() if before[name] != now[name]),
    }
    return "; ".join(
        f"{len(names):,} {what} ({first_names(names, len(names))})"
        for what, names in groups.items()
        if names
    )


def _check_recipe(root: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    differing = [key for key in wanted if found.get(key) != wanted[key]]
    if "images" in differing and isinstance(found.get("images"), dict):
        raise FaceRefError(
            f"{root} is an unfinished build of other images: "
            f"{_changes(found['images'], wanted['images'])}. Make the source as it was to go on, "
            "or delete that folder to begin anew."
        )
    if differing:
        key = differing[0]
        before, now = where_they_differ(found.get(key), wanted[key])
        raise FaceRefError(
            f"{root} is an unfinished build with another {key}: {before!r}, now {now!r}. "
            "Delete that folder, choose another --out, or repeat its settings."
        )
