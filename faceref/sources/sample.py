"""The embedded sample: rendered people who do not exist, CC0."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from faceref.embed.align import ARCFACE, SIZE, align
from faceref.errors import FaceRefError
from faceref.files import write_bytes
from faceref.outputs.ours import LEFT_BEHIND, strangers
from faceref.reading.image import decode
from faceref.record import Record
from faceref.sources.base import Source, SourceKind
from faceref.sources.inventory import Count, Inventory

_FILE = re.compile(rf"p\d+/p\d+_\d+\.jpg|{LEFT_BEHIND}")
"""What may be where the sample is unpacked."""
FACES = Path(__file__).parents[1] / "sample" / "faces.parquet"
_NUMBERS = (1, 3, 10, 15, 39, 46, 52, 54, 56, 60, 63)
HELD_OUT = frozenset(f"p{number:03d}" for number in _NUMBERS)
"""People of val and test in the set that is built of the sample."""


def sample() -> Source:
    """List the sample that the package ships; its card is `faceref/sample/README.md`."""
    records = [
        Record(
            image_id=row["image_id"],
            source="sample",
            identity=row["identity"],
            data=row["image"],
            centred=True,
        )
        for row in _rows("identity", "image")
    ]
    return Source("sample", "CC0-1.0", tuple(records))


def sample_pool(*, held_out: bool = False) -> tuple[list[str], np.ndarray]:
    """The train faces of the sample, aligned by their known landmarks: no build is needed.

    Args:
        held_out: Those of val and test instead.

    Returns:
        Image ids, and the faces, uint8 RGB (318, 128, 128, 3). Nobody in them is in val or test of
        the set that is built of the sample.
    """
    rows = [
        row
        for row in _rows("identity", "image", "landmarks")
        if (row["identity"] in HELD_OUT) == held_out
    ]
    faces = np.zeros((len(rows), SIZE, SIZE, 3), np.uint8)
    for place, row in enumerate(rows):
        points = np.reshape(row["landmarks"], (5, 2))
        faces[place], _ = align(decode(row["image"]).pixels, points, ARCFACE.template)
    return [row["image_id"] for row in rows], faces


def _rows(*columns: str) -> list[dict[str, Any]]:
    """The named columns of the sample, with its image ids, in their order."""
    import pyarrow.parquet as pq

    rows = pq.read_table(FACES, columns=["image_id", *columns]).to_pylist()
    return sorted(rows, key=lambda row: row["image_id"])


def write_sample_folder(out: Path) -> int:
    """Unpack the sample as `out/<identity>/<image>.jpg`; returns the number of images.

    Raises FaceRefError where the folder holds files of others.
    """
    records = {out / f"{record.image_id}.jpg": record.data or b"" for record in sample().records}
    if out.is_dir() and (others := strangers(out, _FILE)):
        raise FaceRefError(
            f"{out} holds other files, such as {others[0]}: images of others would be among the "
            "sample's. Choose another --out."
        )
    for path, image in records.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != image):
            raise FaceRefError(
                f"{path} is there and is no image of the sample. Choose another --out."
            )
    for path, image in records.items():
        write_bytes(path, image)
    return len(records)


SOURCE = SourceKind(
    name="sample",
    title="Sample",
    layout="It is part of the package.",
    open=lambda choices: sample(),
    check=lambda choices: Inventory(
        "Sample", "the package", (Count("images", len(sample().records)),)
    ),
    needs_path=False,
)
