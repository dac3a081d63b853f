"""Seconds and memory that many faces in one photograph take, without detector and networks.

    python tests/speed/upscale_speed.py [--faces 100] [--width 3840] [--height 2160] [--scale 3]

Where faces are is known, they have no references, and bicubic upsampling stands in for the
networks: what is timed is cutting faces out, upsampling the photograph, pasting, and agreeing with
it. `bare` is the same photograph with no face to super-resolve. Memory is the peak of the process
less what it held before. When the whole image was warped for each face, 100 faces in a photograph
of 4K took 216 s and 3.6 GB, detector and networks included.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmark.training.export import load_model
from benchmark.upscaling.faces import FaceUpscaler, upscale_photo
from benchmark.upscaling.networks import open_networks
from faceref.embed.align import ARCFACE, SIZE

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it runs by its path

from reports.scripts.upscale_sizes import Known

SIDE = 28
"""Of a face's frame, in pixels of the photograph."""
LARGE = 200
"""Of a frame that is left alone."""


class NoReferences:
    """In place of a set."""

    def find(self, lr: np.ndarray, count: int) -> list[list[Any]]:
        """None for any face."""
        return [[] for _ in lr]


def landmarks(faces: int, width: int, height: int, side: int) -> list[np.ndarray]:
    """Landmarks of faces anywhere in a photograph, turned a little."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(faces):
        turn = rng.uniform(-0.3, 0.3)
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = rng.uniform([side, side], [width - side, height - side])
        found.append((ARCFACE.template - SIZE / 2) @ turned.T * side / SIZE + centre)
    return found


def seconds(image: np.ndarray, points: Sequence[np.ndarray], scale: int) -> float:
    """How long the photograph takes."""
    device = torch.device("cpu")
    networks = open_networks([load_model("bicubic")], 0, device)
    upscaler = FaceUpscaler(networks, NoReferences(), device)  # pyright: ignore[reportArgumentType]
    start = time.perf_counter()
    upscale_photo(image, upscaler, Known(points), scale)  # pyright: ignore[reportArgumentType]
    return time.perf_counter() - start


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of upscale beside the networks.")
    parser.add_argument("--faces", type=int, default=100)
    parser.add_argument("--width", type=int, default=3840)
    parser.add_argument("--height", type=int, default=2160)
    parser.add_argument("--scale", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    shape = (given.height, given.width, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    where = given.width, given.height
    seconds(image[:99, :99], landmarks(1, 99, 99, SIDE), 2)  # so that libraries are loaded
    before = _peak()
    bare = seconds(image, landmarks(1, *where, LARGE), given.scale)
    between = _peak()
    whole = seconds(image, landmarks(given.faces, *where, SIDE), given.scale)
    report = {
        "faces": given.faces,
        "result": f"{given.scale * given.width}x{given.scale * given.height}",
        "seconds": round(whole, 2),
        "seconds_bare": round(bare, 2),
        "peak_mib": round(_peak() - before),
        "peak_mib_bare": round(between - before),
    }
    print(json.dumps(report))


def _peak() -> float:
    """Most memory that the process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
