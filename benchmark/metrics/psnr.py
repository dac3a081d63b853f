"""Peak signal-to-noise ratio."""

from __future__ import annotations

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
