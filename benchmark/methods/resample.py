"""Bicubic resampling inside networks, with the kernel of Pillow, as two matrix products."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

A = -0.5
"""Parameter of Keys' cubic kernel ("Cubic convolution interpolation", 1981); Pillow's choice."""


def kernel(x: Tensor) -> Tensor:
    """Keys' cubic kernel at `x` pixels from its centre."""
    x = x.abs()
    near = ((A + 2) * x - (A + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * A - 4 * A
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


@lru_cache(maxsize=64)
def matrix(before: int, after: int, device: torch.device = torch.device("cpu")) -> Tensor:
    """The (after, before) float32 matrix that resamples a line of pixels.

    When shrinking, the kernel is widened by the factor (antialiasing). Weights beyond the border
    are dropped and the rest made to sum to one. It is computed on the device: where a compiled
    network computes it, no step on the CPU keeps that network out of a CUDA graph.
    """
    scale = before / after
    stretch = max(scale, 1.0)
    # What was made in inference mode, and kept, could not be trained through later.
    with torch.inference_mode(False):
        centres = (torch.arange(after, dtype=torch.float64, device=device) + 0.5) * scale
        places = torch.arange(before, dtype=torch.float64, device=device) + 0.5
        weights = kernel((places[None, :] - centres[:, None]) / stretch)
        return (weights / weights.sum(1, keepdim=True)).float()


def _resample(x: Tensor, height: int, width: int) -> Tensor:
    rows = matrix(x.shape[-2], height, x.device)
    columns = matrix(x.shape[-1], width, x.device)
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
