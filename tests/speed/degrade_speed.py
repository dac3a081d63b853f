"""Speed of the batched x8 degradation against Pillow, and whether the bytes are the same.

    python tests/speed/degrade_speed.py [--images 1024] [--rounds 5] [--threads 2] [--device cpu]

Pillow is timed as it is used, one image after another, and as well as it can be, on a pool of
`--threads` threads (it lets go of the interpreter's lock). Random images, 128x128, in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from benchmark.protocol.degradation import degrade, degrade_batch


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of the degradation against Pillow.")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    faces = np.random.default_rng(0).integers(0, 256, (given.images, 128, 128, 3), dtype=np.uint8)
    batch = torch.from_numpy(faces).to(given.device)

    with ThreadPoolExecutor(given.threads) as pool:
        ways: dict[str, Callable[[], object]] = {
            "pillow": lambda: [degrade(face, given.scale) for face in faces],
            "pillow, threads": lambda: list(pool.map(lambda f: degrade(f, given.scale), faces)),
            "torch": lambda: degrade_batch(batch, given.scale).cpu(),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.rounds + 1):
            for name, work in ways.items():
                times[name].append(seconds(work))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    expected = np.stack([degrade(face, given.scale) for face in faces])
    found = degrade_batch(batch, given.scale).cpu().numpy()
    report = {
        "images": given.images,
        "threads": given.threads,
        "device": given.device,
        "microseconds_an_image": {
            name: round(1e6 * value / given.images, 1) for name, value in medians.items()
        },
        "times_pillow": round(medians["pillow"] / medians["torch"], 2),
        "times_pillow_threads": round(medians["pillow, threads"] / medians["torch"], 2),
        "differing_bytes": int((found != expected).sum()),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
