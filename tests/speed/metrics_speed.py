"""Speed of the batched metrics against a loop over scikit-image.

    python tests/speed/metrics_speed.py [--images 1000] [--rounds 3] [--threads 2]

Both give PSNR and SSIM on Y and on RGB of the same 128x128 images, smooth with noise; the largest
difference is printed with the times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import cv2
import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import luma
from benchmark.protocol.degradation import degrade, upsample_bicubic

WANG: dict[str, Any] = {
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
    "data_range": 255,
}


def peer(output: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """Metrics of one image by scikit-image."""
    y_output, y_target = luma(output), luma(target)
    return {
        "psnr_y": peak_signal_noise_ratio(y_target, y_output, data_range=255),
        "ssim_y": structural_similarity(y_target, y_output, **WANG),
        "psnr_rgb": peak_signal_noise_ratio(target, output, data_range=255),
        "ssim_rgb": structural_similarity(target, output, channel_axis=2, **WANG),
    }


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets, uint8 RGB (N, 128, 128, 3)."""
    rng = np.random.default_rng(0)
    coarse = [
        upsample_bicubic(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(count)
    ]
    noisy = np.stack(coarse) + rng.normal(0, 6, (count, 128, 128, 3))
    targets = np.clip(noisy, 0, 255).astype(np.uint8)
    return np.stack([upsample_bicubic(degrade(face)) for face in targets]), targets


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of the metrics against scikit-image.")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    outputs, targets = images(given.images)
    seconds: dict[str, list[float]] = {"scikit-image": [], "batched": []}
    expected: list[dict[str, Any]] = []
    found = score_batch(outputs, targets)
    for _ in range(given.rounds):
        start = time.perf_counter()
        expected = [peer(*pair) for pair in zip(outputs, targets, strict=True)]
        seconds["scikit-image"].append(time.perf_counter() - start)
        start = time.perf_counter()
        found = score_batch(outputs, targets)
        seconds["batched"].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    differences = {
        metric: float(np.abs(values - [row[metric] for row in expected]).max())
        for metric, values in found.items()
    }
    report = {
        "images": given.images,
        "threads": given.threads,
        "seconds": {name: round(value, 3) for name, value in medians.items()},
        "ratio": round(medians["scikit-image"] / medians["batched"], 1),
        "largest_difference": {name: f"{value:.1e}" for name, value in differences.items()},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
