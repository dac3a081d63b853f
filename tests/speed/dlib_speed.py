"""`faceref build --embedder dlib` beside dlib in a plain loop, on the embedded sample.

    python tests/speed/dlib_speed.py [--images 384]

The loop finds, measures and embeds one face after the other, and does nothing else. The build is
run with one worker, with threads of this process, and with a process for each of its threads. Sets
must be the same. One JSON line is printed, in images a second.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import dlib
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it runs by its path

from faceref.embed.dlib import POINTS_FILE, RESNET_FILE, UPSAMPLE, _model_folder
from faceref.embed.registry import EmbedderSpec
from faceref.hardware import usable_cores
from faceref.pipeline.build import build
from faceref.sources.sample import sample
from tests.files_below import files_below


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of builds with dlib.")
    parser.add_argument("--images", type=int, default=384)
    count = parser.parse_args().images
    records = sample().records[:count]
    source, spec = replace(sample(), records=records), EmbedderSpec("dlib")
    found: dict[str, float] = {}
    start = time.perf_counter()
    loop([record.data or b"" for record in records])
    found["loop"] = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as scratch:
        for name, opened, workers in (
            ("one worker", spec.open(), 1),
            ("threads", spec.open(), None),
            ("processes", spec.open_for_threads(), None),
        ):
            start = time.perf_counter()
            build(source, opened, Path(scratch) / name, workers=workers)
            found[name] = time.perf_counter() - start
        one, *others = (files_below(path) for path in sorted(Path(scratch).iterdir()))
        if any(one != other for other in others):
            raise SystemExit("The sets are not the same.")
    speeds = {name: round(len(records) / seconds, 1) for name, seconds in found.items()}
    ratio = round(found["loop"] / found["processes"], 2)
    print(json.dumps({**speeds, "ratio": ratio, "cores": usable_cores()}))


def loop(images: list[bytes]) -> None:
    """What a script without this package does: dlib, image by image."""
    folder = _model_folder()
    detector = dlib.get_frontal_face_detector()  # pyright: ignore
    points = dlib.shape_predictor(str(folder / POINTS_FILE))  # pyright: ignore
    network = dlib.face_recognition_model_v1(str(folder / RESNET_FILE))  # pyright: ignore
    for data in images:
        image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        for box in detector(image, UPSAMPLE):
            network.compute_face_descriptor(image, points(image, box))


if __name__ == "__main__":
    main()
