"""How far the pixels of a photograph can be trusted, and faces cleaned of what cannot.

JPEG says how it rounded: the steps of its quantisation are in the file. Noise is estimated from the
quietest parts of the photograph, where what is fine is as strong as what is coarse: noise is white,
the detail of images is not. Both are one variance for each coefficient of blocks of 8x8 pixels, by
which a face is cleaned before it is super-resolved, and before the result is made to agree with it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SIDE = 8
"""Of a block, as in JPEG."""
NOISE = 2.0
"""Times the variance of noise that is taken out of a coefficient; chosen on val, as is JPEG's 1."""
LEAST = 1.0
"""Standard deviation of noise in R, G and B below which a photograph is trusted."""
DETAIL = 0.25
"""Power of fine detail by that of coarse: less in clean photographs; of white noise it is 1."""
_QUIETEST = 0.2
"""Share of the blocks that noise is estimated from."""
_BLOCKS = 20_000
"""About as many are looked at."""
_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
"""RGB to JPEG's Y, Cb, Cr (ITU-T T.871)."""
_RGB = np.linalg.inv(_YCC).astype(np.float32)
_NOISE_OF = np.square(_YCC).sum(1)
"""Variance in Y, Cb and Cr of noise that has variance 1 in R, G and B."""
_PLACE = np.arange(SIDE)
_DCT = np.where(
    _PLACE[:, None] == 0,
    np.sqrt(1 / SIDE),
    np.sqrt(2 / SIDE) * np.cos(np.pi * (2 * _PLACE + 1) * _PLACE[:, None] / (2 * SIDE)),
)
_BLOCK_DCT = np.kron(_DCT, _DCT).astype(np.float32)
"""Orthonormal, of the 64 pixels of a block."""
_LOW, _HIGH = np.minimum.outer(_PLACE, _PLACE), np.maximum.outer(_PLACE, _PLACE)
_COARSE, _FINE = (_LOW >= 2) & (_HIGH <= 4), _LOW >= 5


def doubt(image: np.ndarray, steps: np.ndarray | None = None) -> np.ndarray | None:
    """The error that is to be expected in each coefficient of the blocks of a photograph.

    Args:
        image: uint8 RGB (H, W, 3).
        steps: Steps of the quantisation, (8, 8, 3), see `faceref.reading.image.Decoded`.

    Returns:
        Variance by row and column of the DCT and by Y, Cb, Cr: float32 (8, 8, 3); None where the
        photograph can be trusted.
    """
    found = NOISE * _noise(image) + np.zeros((SIDE, SIDE, 3), np.float32)
    if steps is not None:
        found = found + np.square(steps) / 12  # of an error that is even within a step
    return found.astype(np.float32) if found.any() else None


def cleaned(part: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """A part of a photograph without what may be error.

    Each coefficient c of each block of 8x8 pixels, at all places, becomes c (1 - variance / c^2),
    or 0 where that is negative (James-Stein; "translation-invariant de-noising", Coifman, Donoho
    1995).

    Args:
        part: uint8 RGB (H, W, 3).
        variance: As of `doubt`.

    Returns:
        uint8 RGB (H, W, 3).
    """
    border = ((SIDE - 1,) * 2, (SIDE - 1,) * 2, (0, 0))
    padded = np.pad(part.astype(np.float32) @ _YCC.T, border, mode="symmetric")
    there = sliding_window_view(padded, (SIDE, SIDE), (0, 1))
    coefficients = there.reshape(*there.shape[:3], SIDE**2) @ _BLOCK_DCT.T
    power = np.maximum(np.square(coefficients), 1e-6)
    error = np.moveaxis(variance, -1, 0).reshape(3, SIDE**2)
    kept = coefficients * np.maximum(0, 1 - error / power)
    blocks = (kept @ _BLOCK_DCT).reshape(*kept.shape[:3], SIDE, SIDE)
    total = np.zeros_like(padded)
    rows, columns = blocks.shape[:2]
    for row in range(SIDE):
        for column in range(SIDE):
            total[row : row + rows, column : column + columns] += blocks[..., row, column]
    inner = total[SIDE - 1 : 1 - SIDE, SIDE - 1 : 1 - SIDE] / SIDE**2
    return np.rint((inner @ _RGB.T).clip(0, 255)).astype(np.uint8)


def _noise(image: np.ndarray) -> np.ndarray:
    """Variance of noise in Y, Cb and Cr, float (3,); 0 where it is below `LEAST`."""
    height, width = image.shape[:2]
    if min(height, width) < SIDE:
        return np.zeros(3)
    step = max(SIDE // 2, int(np.sqrt(height * width / _BLOCKS)))
    blocks = sliding_window_view(image, (SIDE, SIDE), (0, 1))[::step, ::step].reshape(
        -1, 3, SIDE**2
    )
    whole = ((blocks > 3) & (blocks < 252)).all((1, 2))  # noise is cut off at black and white
    found = _YCC @ blocks[whole].astype(np.float32) @ _BLOCK_DCT.T
    power = np.square(found).reshape(-1, 3, SIDE, SIDE)
    fine, coarse = power[..., _FINE].mean(-1), power[..., _COARSE].mean(-1)
    noise = np.array([_white(*both) for both in zip(fine.T, coarse.T, strict=True)])
    return np.where(noise < LEAST**2 * _NOISE_OF, 0, noise)


def _white(fine: np.ndarray, coarse: np.ndarray) -> float:
    """What of the fine power of the quietest blocks is not explained by detail."""
    drawn = fine + coarse > 1e-3  # not parts of one colour, such as a frame around the photograph
    fine, coarse = fine[drawn], coarse[drawn]
    if not len(fine):
        return 0.0
    quiet = np.argsort(fine + coarse)[: max(1, round(_QUIETEST * len(fine)))]
    return max(0.0, float(fine[quiet].mean() - DETAIL * coarse[quiet].mean()) / (1 - DETAIL))
