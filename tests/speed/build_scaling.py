"""Cost of `faceref build` against the number of images: seconds, and peak memory of the process.

    python tests/speed/build_scaling.py FACES --pack PACK [--sizes 1000,2000,4000,8000,13233]

Each size is built in a fresh process from the first images of the folder. One JSON line a size; the
last has the slope of seconds against images from size to size, which is constant where the cost is
linear, and the growth of memory for each image, with what vectors and thumbnails alone take.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from faceref.embed.registry import open_embedder
from faceref.pipeline.build import build
from faceref.sources.base import Source
from faceref.sources.folder import folder


def build_some(faces: Path, pack: Path, images: int) -> dict[str, float]:
    """Build from the first `images`; seconds, and peak memory in MiB."""
    embedder = open_embedder("insightface", pack=str(pack))
    records = folder(faces).records[:images]
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        build(Source("folder", "", records), embedder, Path(scratch) / "out")
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"images": len(records), "seconds": round(seconds, 2), "peak_mib": round(peak, 1)}


def in_new_process(faces: Path, pack: Path, images: int) -> dict[str, float]:
    """`build_some` in a process of its own."""
    command = [sys.executable, __file__, str(faces), "--pack", str(pack), "--one", str(images)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run and print JSON lines."""
    parser = argparse.ArgumentParser(description="Seconds and memory against images.")
    parser.add_argument("faces", type=Path, help="folder with one sub-folder per person")
    parser.add_argument("--pack", type=Path, required=True, help="insightface model pack")
    parser.add_argument("--sizes", default="1000,2000,4000,8000,13233")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(build_some(given.faces, given.pack, given.one)))
        return
    rows = []
    for images in map(int, given.sizes.split(",")):
        rows.append(in_new_process(given.faces, given.pack, images))
        print(json.dumps(rows[-1]), flush=True)
    steps = [(b["images"] - a["images"], a, b) for a, b in pairwise(rows)]
    slopes = [round(1e3 * (b["seconds"] - a["seconds"]) / step, 2) for step, a, b in steps]
    growth = [round(1024 * (b["peak_mib"] - a["peak_mib"]) / step, 2) for step, a, b in steps]
    print(json.dumps({"milliseconds_an_image": slopes, "kib_an_image": growth}))


if __name__ == "__main__":
    main()
