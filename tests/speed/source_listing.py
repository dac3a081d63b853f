"""Time and memory to list CelebA at full size: 202,599 images in a zip, four text files.

    python tests/speed/source_listing.py [--identity identity_CelebA.txt] [--images 202599]

The text files have the official form; images are 3 kB of filling, as listing opens none. Without
`--identity`, people are drawn at random. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from faceref.sources.base import Choices
from faceref.sources.celeba import IDENTITY, NAME, PARTITION, Published, celeba, survey
from faceref.sources.text_table import read_rows

POINTS = "  69  109  106  113   77  142   73  152  108  154"


def write_copy(root: Path, images: int, identity: Path | None) -> Published:
    """CelebA's layout with `images` rows; the people are those of `identity` where it is given."""
    rng = np.random.default_rng(0)
    names = [f"{number:06d}.jpg" for number in range(1, images + 1)]
    people = rng.integers(1, 10_178, images)
    if identity is not None:
        people = read_rows(identity, 1, NAME).values[:images, 0]
    tables = {
        IDENTITY: ([], [str(person) for person in people]),
        PARTITION: ([], [str(min(2, row * 10 // images // 4)) for row in range(images)]),
        "list_landmarks_align_celeba.txt": ([str(images), "points"], [POINTS] * images),
    }
    for name, (head, rows) in tables.items():
        lines = [*head, *(f"{image} {row}" for image, row in zip(names, rows, strict=True))]
        (root / name).write_text("\n".join([*lines, ""]))
    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
        for name in names:
            archive.writestr(f"img_align_celeba/{name}", bytes(3000))
    return Published(images, len(np.unique(people)), {})


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Listing CelebA at full size.")
    parser.add_argument("--identity", type=Path, help="CelebA's own identity file")
    parser.add_argument("--images", type=int, default=202_599)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        published = write_copy(Path(scratch), given.images, given.identity)
        start = time.perf_counter()
        survey(Choices(Path(scratch)), published)
        checked = time.perf_counter()
        source = celeba(Choices(Path(scratch)), published)
        listed = time.perf_counter()
        data = [record.blob.read() for record in source.records[:5000] if record.blob]
        read = time.perf_counter()
    report = {
        "images": len(source.records),
        "check_s": round(checked - start, 1),
        "list_s": round(listed - checked, 1),
        "zip_reads_per_s": round(len(data) / (read - listed)),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
