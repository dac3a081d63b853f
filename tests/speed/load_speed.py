"""Random access through `faceref.load` against decoding the same PNG bytes from memory.

    python tests/speed/load_speed.py FACE_REF [--items 400] [--rounds 3]

Both sides give the same images in the same random order, with one thread, as a worker of a loader
has: an item's face and its five references.
The plain loop decodes bytes that lie in a list; the data set finds them in its mapped file, makes
the LR face and the tensors. One JSON line is printed; `ratio` is of images a second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import decode
from faceref.dataset.torch_dataset import load


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of random access.")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    face_ref = FaceRef.open(given.face_ref)
    faces = load(face_ref, "train", references=5)
    encoded = [image for _, image in face_ref.stream("train")]
    place = {name: row for row, name in enumerate(faces.image_ids)}
    order = np.random.default_rng(0).permutation(len(faces))[: given.items].tolist()
    wanted = [[row, *(place[name] for name in faces[row]["ref_ids"])] for row in order]
    rates: dict[str, list[float]] = {"faceref.load": [], "decode alone": []}
    for _ in range(given.rounds):
        start = time.perf_counter()
        for row in order:
            faces[row]
        middle = time.perf_counter()
        for rows in wanted:
            for row in rows:
                decode(encoded[row])
        end = time.perf_counter()
        images = sum(map(len, wanted))
        rates["faceref.load"].append(images / (middle - start))
        rates["decode alone"].append(images / (end - middle))
    found = {name: statistics.median(each) for name, each in rates.items()}
    print(
        json.dumps(
            {
                "items": len(order),
                "images_per_second": {name: round(rate) for name, rate in found.items()},
                "ratio": round(found["faceref.load"] / found["decode alone"], 3),
            }
        )
    )


if __name__ == "__main__":
    main()
