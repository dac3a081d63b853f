"""Patches on the 32x32 grid, and references brought to the tone of a face."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.methods.resample import downsample

GRID = 32
"""Side of the grid on which patches are matched."""


def to_rows(features: Tensor) -> Tensor:
    """Features (B, C, H, H) as rows of the 32x32 grid, (B, 1024, C * (H / 32)^2)."""
    return F.pixel_unshuffle(features, features.shape[-1] // GRID).flatten(2).transpose(1, 2)


def from_rows(rows: Tensor, side: int) -> Tensor:
    """The inverse of `to_rows`: (B, 1024, C * (side / 32)^2) as features (B, C, side, side)."""
    return F.pixel_shuffle(rows.transpose(1, 2).unflatten(2, (GRID, GRID)), side // GRID)


def downsample_references(refs: Tensor) -> Tensor:
    """References (N, K, 3, 128, 128) as LR faces (N, K, 3, 16, 16), of 256 levels."""
    small = downsample(refs.flatten(0, 1), 8).clamp(0, 1).mul(255).round().div(255)
    return small.unflatten(0, refs.shape[:2])


def remap(refs: Tensor, refs_lr: Tensor, lr: Tensor) -> tuple[Tensor, Tensor]:
    """Give references the tone and light of the face: per colour, its mean and deviation at 16x16.

    Takes `refs` (N, K, 3, 128, 128), `refs_lr` (N, K, 3, 16, 16) and `lr` (N, 3, 16, 16); returns
    both reference tensors remapped. The identity where a reference has the face's statistics.
    """
    mean, spread = refs_lr.mean((-2, -1), keepdim=True), refs_lr.std((-2, -1), keepdim=True)
    wanted = lr.unsqueeze(1)
    gain = wanted.std((-2, -1), keepdim=True) / (spread + 1e-4)
    gain = torch.where(spread > 1e-3, gain.clamp(0.25, 4), torch.ones_like(gain))
    shift = wanted.mean((-2, -1), keepdim=True) - mean * gain
    return refs * gain + shift, refs_lr * gain + shift
