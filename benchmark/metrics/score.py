"""All metrics of one image.

The output is clamped to [0, 1] and rounded to uint8 before anything is measured; no border is cut.
`*_y` is on BT.601 luma (`luma`), `*_rgb` on the three colours: PSNR over all entries
together, SSIM as the mean of the planes.
"""

from __future__ import annotations

import cv2
import numpy as np

IDENTICAL = 100.0
"""dB given to identical images, whose ratio is infinite, so that means stay finite."""


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """10 log10(255^2 / MSE) in dB of two arrays on the 0-255 scale, over all their entries.

    Also for Y, whose range is shorter: that is the convention of the field. At most 100 dB.
    """
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    if error == 0:
        return IDENTICAL
    return float(min(IDENTICAL, 10 * np.log10(255**2 / error)))


WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Mean SSIM of two planes (H, W) on the 0-255 scale, in [-1, 1].

    Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 2004: Gaussian window 11x11 with
    sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance, averaged where the window fits inside.
    """
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    top = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    bottom = (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    return float(np.mean(top / bottom))


def _blur(plane: np.ndarray) -> np.ndarray:
    half = WINDOW // 2
    blurred = cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT_101)
    return blurred[half:-half, half:-half]


BT601 = (65.481, 128.553, 24.966)
"""Studio-range weights of R, G and B for values in [0, 1] (ITU-R BT.601-7)."""


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 studio-range Y of uint8 RGB (..., 3): float64 from 16 to 235, not rounded.

    16 + (65.481 R + 128.553 G + 24.966 B) / 255, as MATLAB's rgb2ycbcr has it (ITU-R BT.601-7).
    """
    return 16 + rgb.astype(np.float64) @ np.array(BT601) / 255


def score(output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Metrics of `benchmark.metrics.registry.METRICS` for uint8 RGB images (H, W, 3)."""
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
