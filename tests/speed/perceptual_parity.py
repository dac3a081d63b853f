"""LPIPS and DISTS beside the numbers that their authors' code gives.

    python tests/speed/perceptual_parity.py IQA-PyTorch/ResultsCalibra

`ResultsCalibra` of github.com/chaofengc/IQA-PyTorch holds five pairs of images and, in
`results_official.csv`, what the original code says of them, to four digits.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmark.metrics.perceptual import distances, lpips_distance, open_dists, open_lpips


def main() -> None:
    """Print both numbers of each pair."""
    parser = argparse.ArgumentParser(description="LPIPS and DISTS beside their authors' numbers.")
    parser.add_argument("folder", type=Path, help="ResultsCalibra of IQA-PyTorch")
    folder: Path = parser.parse_args().folder
    with (folder / "results_official.csv").open() as file:
        official = {row["Method"]: row for row in csv.DictReader(file)}
    for name, distance in (
        ("lpips", lpips_distance(open_lpips("alex")[0])),
        ("dists", open_dists()[0]),
    ):
        for image in (name for name in official[name] if name != "Method"):
            first, second = (_read(folder / side / image) for side in ("ref_dir", "dist_dir"))
            ours = distances(distance, first, second, torch.device("cpu"))[0]
            print(f"{name} {image}: {ours:.4f}, official {float(official[name][image]):.4f}")


def _read(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB"))[None]


if __name__ == "__main__":
    main()
