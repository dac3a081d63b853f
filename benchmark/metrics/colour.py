"""The luma that super-resolution papers measure on."""

from __future__ import annotations

import numpy as np

BT601 = (65.481, 128.553, 24.966)
"""Studio-range weights of R, G and B for values in [0, 1] (ITU-R BT.601-7)."""


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 studio-range Y of uint8 RGB (..., 3): float64 from 16 to 235, not rounded.

    16 + (65.481 R + 128.553 G + 24.966 B) / 255, as MATLAB's rgb2ycbcr has it (ITU-R BT.601-7).
    """
    return 16 + rgb.astype(np.float64) @ np.array(BT601) / 255
