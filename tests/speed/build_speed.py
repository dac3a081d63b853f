"""Speed of `faceref build` against a loop over insightface's `FaceAnalysis.get`.

Same images, same pack, same detection size, same machine, one run, in turns:

    python tests/speed/build_speed.py FACES --pack PACK [--images 2000] [--rounds 3]

The loop reads each file with OpenCV and calls `FaceAnalysis.get`, as its users do: it detects and
embeds and keeps nothing. The build also aligns to 128x128, encodes, splits, mines two lists of
references and writes the set: its time is that of the whole. "models alone" is the sum of the times
of detecting in decoded images and of embedding aligned faces, in as many threads as the build
has; "networks alone" that of the two networks on arrays that lie ready.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from insightface.app import FaceAnalysis

from faceref.embed.registry import open_embedder
from faceref.hardware import usable_cores
from faceref.pipeline.build import build
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


def time_build(
    records: tuple[Record, ...], pack: Path, det_size: int, precision: str = "fp32"
) -> float:
    """Seconds of a whole build, models already open."""
    embedder: Any = open_embedder(
        "insightface", pack=str(pack), det_size=det_size, precision=precision
    )
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        build(Source("folder", "", records), embedder, Path(scratch) / "out")
        return time.perf_counter() - start


def time_networks(
    records: tuple[Record, ...], pack: Path, det_size: int, precision: str = "fp32"
) -> float:
    """Seconds of the two networks alone on inputs that lie ready, one after the other."""
    embedder: Any = open_embedder(
        "insightface", pack=str(pack), det_size=det_size, precision=precision
    )
    blob = np.zeros((1, 3, det_size, det_size), np.float32)
    faces = np.zeros((embedder.batch_size, 3, 112, 112), np.float32)
    work = (
        (embedder._detector, blob, len(records)),
        (embedder._recogniser, faces, -(-len(records) // len(faces))),
    )
    return sum(_threaded(_runner(model, given), range(calls)) for model, given, calls in work)


def time_models(records: tuple[Record, ...], pack: Path, det_size: int) -> float:
    """Seconds of detecting in decoded images and of embedding aligned faces."""
    embedder: Any = open_embedder("insightface", pack=str(pack), det_size=det_size)
    images: list[Any] = [cv2.imread(str(record.path), cv2.IMREAD_COLOR_RGB) for record in records]
    size = embedder.batch_size
    faces = np.zeros((len(images), 128, 128, 3), np.uint8)
    starts = range(0, len(faces), size)
    return _threaded(embedder.detect, images) + _threaded(
        lambda start: embedder.embed(faces[start : start + size]), starts
    )


def _runner(model: Any, given: np.ndarray) -> Callable[[int], Any]:
    feed = {model.input_name: given}
    return lambda _: model.session.run(model.output_names, feed)


def _threaded(work: Callable[[Any], Any], items: Sequence[Any]) -> float:
    start = time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(work, items):
            pass
    return time.perf_counter() - start


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed against a loop.")
    parser.add_argument("faces", type=Path, help="folder with one sub-folder per person")
    parser.add_argument("--pack", type=Path, required=True, help="insightface model pack")
    parser.add_argument("--det-size", type=int, default=320)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bf16", action="store_true", help="the build in bf16, too")
    given = parser.parse_args()
    records = folder(given.faces).records[: given.images]
    sides = {
        "FaceAnalysis.get": time_peer,
        "faceref build": time_build,
        "models alone": time_models,
        "networks alone": time_networks,
    }
    if given.bf16:
        sides["faceref build, bf16"] = partial(time_build, precision="bf16")
        sides["networks alone, bf16"] = partial(time_networks, precision="bf16")
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(given.rounds):
        for name, side in sides.items():
            seconds[name].append(side(records, given.pack, given.det_size))
    rates = {name: len(records) / statistics.median(times) for name, times in seconds.items()}
    ours = rates["faceref build"]
    report = {
        "images": len(records),
        "images_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "ratio": round(ours / rates["FaceAnalysis.get"], 2),
        "of_models_alone": round(ours / rates["models alone"], 2),
        "of_networks_alone": round(ours / rates["networks alone"], 2),
    }
    if given.bf16:
        half = rates["faceref build, bf16"]
        report["bf16"] = {
            "ratio": round(half / rates["FaceAnalysis.get"], 2),
            "of_networks_alone": round(half / rates["networks alone, bf16"], 2),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
