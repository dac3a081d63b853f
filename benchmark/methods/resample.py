"""Bicubic resampling inside networks, with the kernel of Pillow, as two matrix products."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

A = -0.5
"""Parameter of Keys' cubic kernel ("Cubic convolution interpolation", 1981); Pillow's choice."""


def kernel(x: Any) -> Any:
    """Keys' cubic kernel at `x` pixels from its centre, an array of numpy or torch."""
    x = abs(x)
    near = ((A + 2) * x - (A + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * A - 4 * A
    return (x < 1) * near + ((x >= 1) & (x < 2)) * far


@lru_cache(maxsize=32)
def matrix(before: int, after: int) -> np.ndarray:
    """The (after, before) float32 matrix that resamples a line of pixels.

    When shrinking, the kernel is widened by the factor (antialiasing). Weights beyond the border
    are dropped and the rest made to sum to one.
    """
    return _weights(np.arange(float(before)), np.arange(float(after))).astype(np.float32)


def _weights(before: Any, after: Any) -> Any:
    """The matrix from the numbers of the pixels, 0 and up, of the line before and after.

    Arrays of numpy or torch, of float64.
    """
    scale = len(before) / len(after)
    offsets = before[None, :] + 0.5 - (after[:, None] + 0.5) * scale
    weights = kernel(offsets / max(scale, 1.0))
    return weights / weights.sum(1)[:, None]


def _there(before: int, after: int, device: torch.device) -> Tensor:
    """The matrix on a device."""
    if not torch.compiler.is_compiling():
        return torch.from_numpy(matrix(before, after)).to(device)
    # Numpy would be compiled to steps on the CPU, which are no part of a CUDA graph.
    lines = (torch.arange(n, dtype=torch.float64, device=device) for n in (before, after))
    return _weights(*lines).float()


def _resample(x: Tensor, height: int, width: int) -> Tensor:
    rows = _there(x.shape[-2], height, x.device)
    columns = _there(x.shape[-1], width, x.device)
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
