"""Structural similarity as its authors define it."""

from __future__ import annotations

import cv2
import numpy as np

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
