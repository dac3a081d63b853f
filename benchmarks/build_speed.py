"""Speed of `faceref build` against a loop over insightface's `FaceAnalysis.get`.

Same images, same pack, same detection size, same machine, one run, in turns:

    python benchmarks/build_speed.py FACES --pack PACK [--images 2000] [--rounds 3]

The loop reads each file with OpenCV and calls `FaceAnalysis.get`, as its users do: it detects and
embeds and keeps nothing. The build also aligns to 128x128, encodes, splits, mines two lists of
references and writes the set: its time is that of the whole.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import cv2
from insightface.app import FaceAnalysis

from faceref.embed.registry import open_embedder
from faceref.pipeline import build
from faceref.record import Record
from faceref.sources.base import Source
from faceref.sources.folder import folder


def time_peer(records: tuple[Record, ...], pack: Path, det_size: int) -> float:
    """Seconds of the loop over `FaceAnalysis.get`, models already open."""
    peer = FaceAnalysis(name=str(pack), providers=["CPUExecutionProvider"])
    peer.prepare(0, det_size=(det_size, det_size))
    start = time.perf_counter()
    for record in records:
        peer.get(cv2.imread(str(record.path)))
    return time.perf_counter() - start


def time_build(records: tuple[Record, ...], pack: Path, det_size: int) -> float:
    """Seconds of a whole build, models already open."""
    embedder = open_embedder("insightface", pack=str(pack), det_size=det_size)
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        build(Source("folder", "", records), embedder, Path(scratch) / "out")
        return time.perf_counter() - start


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed against a loop.")
    parser.add_argument("faces", type=Path, help="folder with one sub-folder per person")
    parser.add_argument("--pack", type=Path, required=True, help="insightface model pack")
    parser.add_argument("--det-size", type=int, default=320)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    records = folder(given.faces).records[: given.images]
    seconds: dict[str, list[float]] = {"FaceAnalysis.get": [], "faceref build": []}
    for _ in range(given.rounds):
        seconds["FaceAnalysis.get"].append(time_peer(records, given.pack, given.det_size))
        seconds["faceref build"].append(time_build(records, given.pack, given.det_size))
    rates = {name: len(records) / statistics.median(times) for name, times in seconds.items()}
    ratio = rates["faceref build"] / rates["FaceAnalysis.get"]
    report = {name: round(rate, 1) for name, rate in rates.items()}
    print(
        json.dumps({"images": len(records), "images_per_second": report, "ratio": round(ratio, 2)})
    )


if __name__ == "__main__":
    main()
