"""Random variation of 16x16 faces that keeps who is shown."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

GAMMA = 0.3
"""Greatest change of the logarithm of gamma."""
GAIN = 0.1
"""Greatest change of the gain of one colour."""
MOVE = 0.3
"""Greatest move in pixels."""
TURN = 0.03
"""Greatest turn in radians, and greatest change of size."""


def vary(images: Tensor) -> Tensor:
    """Faces (N, 3, 16, 16) in [0, 1], mirrored, moved, turned, scaled and lit at random."""
    moved = F.grid_sample(
        images,
        F.affine_grid(_matrix(images), list(images.shape), align_corners=False),
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )
    gamma = torch.exp(GAMMA * _random(images, len(images), 1, 1, 1))
    gain = 1 + GAIN * _random(images, len(images), 3, 1, 1)
    return moved.clamp(1e-3, 1) ** gamma * gain


def _matrix(images: Tensor) -> Tensor:
    """Affine maps (N, 2, 3) of the output to the input, both from -1 to 1."""
    count, side = len(images), images.shape[-1]
    turn, scale = TURN * _random(images, count), 1 + TURN * _random(images, count)
    mirror = torch.where(_random(images, count) < 0, -1.0, 1.0)
    matrix = images.new_zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * scale * turn.cos(), -scale * turn.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * scale * turn.sin(), scale * turn.cos()
    matrix[:, :, 2] = MOVE * 2 / side * _random(images, count, 2)
    return matrix


def _random(like: Tensor, *shape: int) -> Tensor:
    """Uniform in [-1, 1], on the device of `like`."""
    return torch.rand(shape, device=like.device) * 2 - 1
