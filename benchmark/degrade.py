"""How a face becomes small, the same for every method: Pillow's antialiased bicubic, in uint8."""

from __future__ import annotations

import numpy as np
from PIL import Image

from benchmark.protocol import HR_SIZE, LR_SIZE


def degrade(hr: np.ndarray) -> np.ndarray:
    """uint8 RGB (128, 128, 3) to uint8 RGB (16, 16, 3)."""
    return _resize(hr, LR_SIZE)


def enlarge(lr: np.ndarray) -> np.ndarray:
    """uint8 RGB (16, 16, 3) to uint8 RGB (128, 128, 3) by Pillow's bicubic."""
    return _resize(lr, HR_SIZE)


def _resize(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
