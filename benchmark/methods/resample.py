"""Bicubic resampling inside networks, with the kernel of Pillow, as two matrix products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

A = -0.5
"""Parameter of Keys' cubic kernel ("Cubic convolution interpolation", 1981); Pillow's choice."""


def kernel(x: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel at `x` pixels from its centre."""
    x = np.abs(x)
    near = ((A + 2) * x - (A + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * A - 4 * A
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


@lru_cache(maxsize=32)
def matrix(before: int, after: int) -> np.ndarray:
    """The (after, before) float32 matrix that resamples a line of pixels.

    When shrinking, the kernel is widened by the factor (antialiasing). Weights beyond the border
    are dropped and the rest made to sum to one.
    """
    scale = before / after
    stretch = max(scale, 1.0)
    centres = (np.arange(after) + 0.5) * scale
    offsets = np.arange(before)[None, :] + 0.5 - centres[:, None]
    weights = kernel(offsets / stretch)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _resample(x: Tensor, height: int, width: int) -> Tensor:
    rows = torch.from_numpy(matrix(x.shape[-2], height)).to(x.device)
    columns = torch.from_numpy(matrix(x.shape[-1], width)).to(x.device)
    with torch.autocast(x.device.type, enabled=False):
        return rows @ x.float() @ columns.T


def upsample(x: Tensor, scale: int) -> Tensor:
    """Upsample a batch of images by Pillow's bicubic.

    Args:
        x: (N, C, h, w), any range.
        scale: Factor, a whole number.

    Returns:
        (N, C, h * scale, w * scale), float32, not clamped.
    """
    return _resample(x, x.shape[-2] * scale, x.shape[-1] * scale)


def downsample(x: Tensor, scale: int) -> Tensor:
    """Downsample a batch of images by Pillow's bicubic, antialiased.

    Args:
        x: (N, C, h, w), any range.
        scale: Factor, a whole number.

    Returns:
        (N, C, h // scale, w // scale), float32, not clamped and not rounded.
    """
    return _resample(x, x.shape[-2] // scale, x.shape[-1] // scale)
