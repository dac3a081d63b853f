"""Speed of a build on large files: photographs of 12 megapixels, and PNG of 1024 pixels as FFHQ's.

Both are made of small faces: each is enlarged, and noise of a sensor is added, so that the files
are of the usual size and decode as slowly. In a photograph the face is a third of the width.

    python tests/speed/large_speed.py FACES --pack PACK [--images 120]

The peer is a loop over `FaceAnalysis.get` that reads with OpenCV, as in `build_speed.py`. Ours are
the stages that each image goes through, in as many threads as a build has. What splits and mines
afterwards works on vectors, and does not know how large files were. For each stage its share of the
time of one thread is printed, too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from faceref.embed.registry import open_embedder
from faceref.hardware import usable_cores
from faceref.pipeline import stages
from faceref.pipeline.build import per_image_stages
from faceref.pipeline.local_executor import batches, process
from faceref.pipeline.recipe import Recipe
from faceref.record import Record
from faceref.sources.folder import folder
from tests.speed.build_speed import time_peer

PHOTOGRAPH = (4032, 3024)
"""Width and height of 12 megapixels."""
NOISE = 5.0
"""Standard deviation of the noise, in levels of 256."""


def photograph(image: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """A photograph of 12 megapixels whose middle is `image`, uint8 RGB (250, 250, 3)."""
    width, height = PHOTOGRAPH
    large = cv2.resize(image, (height, height), interpolation=cv2.INTER_CUBIC)
    sides = (width - height) // 2
    return _with_noise(cv2.copyMakeBorder(large, 0, 0, sides, sides, cv2.BORDER_REFLECT_101), rng)


def portrait(image: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """The middle of `image`, uint8 RGB (250, 250, 3), at 1024x1024."""
    middle = image[30:220, 30:220]
    return _with_noise(cv2.resize(middle, (1024, 1024), interpolation=cv2.INTER_CUBIC), rng)


def _with_noise(image: np.ndarray, rng: np.random.Generator) -> Image.Image:
    noise = rng.normal(0, NOISE, image.shape[:2]).astype(np.float32)
    return Image.fromarray((image + noise[..., None]).clip(0, 255).astype(np.uint8))


KINDS: dict[str, tuple[Callable[..., Image.Image], str, dict[str, Any]]] = {
    "12 MP JPEG": (photograph, ".jpg", {"quality": 92}),
    "1024 PNG": (portrait, ".png", {}),
}


def write_large(records: Sequence[Record], kind: str, out: Path) -> tuple[Record, ...]:
    """Write large files of `kind` made of `records`; returns them as records of a folder."""
    make, ending, options = KINDS[kind]
    rng = np.random.default_rng(0)
    for record in records:
        image = cv2.imread(str(record.path), cv2.IMREAD_COLOR_RGB)
        path = (out / record.image_id).with_suffix(ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(image, rng).save(path, **options)
    return folder(out).records


def time_stages(records: Sequence[Record], embedder: Any) -> float:
    """Seconds of all that is done to each image, in threads."""
    cv2.setNumThreads(1)  # As a build does: its own threads are enough.
    work = partial(process, per_image_stages(embedder, Recipe()), embedder)
    start = time.perf_counter()
    with ThreadPoolExecutor(usable_cores() + 1) as pool:
        done = list(chain.from_iterable(pool.map(work, batches(records))))
    seconds = time.perf_counter() - start
    assert sum(record.reject is None for record in done) > len(done) / 2, "most faces are found"
    return seconds


def shares(records: Sequence[Record], embedder: Any) -> dict[str, float]:
    """Milliseconds an image of each stage, in one thread."""
    read, find = stages.read_for(embedder), stages.find_face(embedder)
    steps: dict[str, Callable[[Record], Record]] = {
        "read and decode": read,
        "find and align": find,
        "embed": lambda record: stages.embed(embedder, [record])[0],
        "PNG": stages.encode,
        "hashes and 16x16": stages.describe,
    }
    spent = dict.fromkeys(steps, 0.0)
    count = 0
    for record in _usable(records, [read, find]):
        count += 1
        for name, step in steps.items():
            start = time.perf_counter()
            done = step(record)
            spent[name] += time.perf_counter() - start
            # What is embedded loses its face, which the next stages need.
            record = record if name == "embed" else done
    return {name: round(1000 * seconds / count, 2) for name, seconds in spent.items()}


def _usable(records: Sequence[Record], steps: list[stages.Stage]) -> Iterator[Record]:
    for record in records:
        if stages.run(steps, [record])[0].reject is None:
            yield record


def measure(records: Sequence[Record], kind: str, pack: Path, det_size: int) -> dict[str, Any]:
    """Images a second of the loop and of ours, and what each stage takes."""
    embedder = open_embedder("insightface", pack=str(pack), det_size=det_size)
    with tempfile.TemporaryDirectory() as scratch:
        large = write_large(records, kind, Path(scratch))
        megabytes = sum(record.size for record in large) / len(large) / 1e6
        sides = {
            "FaceAnalysis.get": partial(time_peer, large, pack, det_size),
            "faceref": partial(time_stages, large, embedder),
        }
        rates = {name: round(len(large) / side(), 1) for name, side in sides.items()}
        parts = shares(large[: len(large) // 4], embedder)
    return {
        "images": len(large),
        "megabytes": round(megabytes, 2),
        "images_per_second": rates,
        "ratio": round(rates["faceref"] / rates["FaceAnalysis.get"], 2),
        "milliseconds_of_one_thread": parts,
    }


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed on large files, against a loop.")
    parser.add_argument("faces", type=Path, help="folder with one sub-folder per person")
    parser.add_argument("--pack", type=Path, required=True, help="insightface model pack")
    parser.add_argument("--det-size", type=int, default=320)
    parser.add_argument("--images", type=int, default=120)
    given = parser.parse_args()
    records = folder(given.faces).records[: given.images]
    report = {kind: measure(records, kind, given.pack, given.det_size) for kind in KINDS}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
