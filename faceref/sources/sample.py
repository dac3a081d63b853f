"""The embedded sample: rendered people who do not exist, CC0."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

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
    """Unpack the sample as `out/<identity>/<image>.jpg`; returns the number of images."""
    records = sample().records
    for record in records:
        path = out / f"{record.image_id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(record.data or b"")
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
