"""All metrics of one image.

The output is clamped to [0, 1] and rounded to uint8 before anything is measured; no border is cut.
`*_y` is on BT.601 luma (`colour.luma`), `*_rgb` on the three colours: PSNR over all entries
together, SSIM as the mean of the planes.
"""

from __future__ import annotations

import numpy as np

from benchmark.metrics.colour import luma
from benchmark.metrics.psnr import psnr
from benchmark.metrics.ssim import ssim


def score(output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Metrics of `benchmark.protocol.METRICS` for uint8 RGB images (H, W, 3)."""
    if output.shape != target.shape or output.dtype != np.uint8 or target.dtype != np.uint8:
        raise ValueError(
            f"need two uint8 images of one shape, got {output.shape} {output.dtype} "
            f"and {target.shape} {target.dtype}"
        )
    y_output, y_target = luma(output), luma(target)
    planes = [ssim(output[..., c], target[..., c]) for c in range(3)]
    return {
        "psnr_y": psnr(y_output, y_target),
        "ssim_y": ssim(y_output, y_target),
        "psnr_rgb": psnr(output, target),
        "ssim_rgb": float(np.mean(planes)),
    }


def to_uint8(image: np.ndarray) -> np.ndarray:
    """float RGB (..., 3, H, W) to uint8 (..., H, W, 3): clamped to [0, 1], times 255, rounded."""
    moved = np.moveaxis(image, -3, -1)
    return np.rint(np.clip(moved, 0, 1) * 255).astype(np.uint8)
