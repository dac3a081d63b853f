"""The embedded sample: rendered people who do not exist, CC0."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from faceref.errors import FaceRefError
from faceref.files import write_bytes
from faceref.record import Record
from faceref.sources.base import Source, SourceKind
from faceref.sources.inventory import Count, Inventory


def sample() -> Source:
    """List the sample that the package ships; its card is `faceref/sample/README.md`."""
    import pyarrow.parquet as pq

    with resources.as_file(resources.files("faceref") / "sample" / "faces.parquet") as path:
        rows = pq.read_table(path, columns=["image_id", "identity", "image"]).to_pylist()
    records = [
        Record(
            image_id=row["image_id"],
            source="sample",
            identity=row["identity"],
            data=row["image"],
            centred=True,
        )
        for row in sorted(rows, key=lambda row: row["image_id"])
    ]
    return Source("sample", "CC0-1.0", tuple(records))


def write_sample_folder(out: Path) -> int:
    """Unpack the sample as `out/<identity>/<image>.jpg`; returns the number of images.

    Raises FaceRefError where another file has the name of one of its images.
    """
    records = {out / f"{record.image_id}.jpg": record.data or b"" for record in sample().records}
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
