"""A face in cells: what is known around each, and the error in each.

A face has 16x16 cells of 8x8 pixels. Known around a cell are 5x5 pixels of the LR face at 16x16,
and of the network's output 16x16 pixels, every second one. Faces are about symmetric: the cells of
the right half are those of the left half of the mirrored face, so only the left half is kept.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.protocol.tasks import HR_SIZE

GRID = 16
"""Cells along a side."""
CELL = HR_SIZE // GRID
"""Side of a cell in pixels."""
CELLS = GRID * GRID // 2
"""Cells of the left half, row by row."""
_PATCH = 5
_AROUND = 2 * CELL
KNOWN = 3 * _PATCH**2 + 3 * (_AROUND // 2) ** 2 + 1
"""Numbers known around a cell; the last is 1."""
ERRORS = 3 * CELL**2
"""Numbers of the error in a cell."""


def known(lr: Tensor, output: Tensor) -> Tensor:
    """What is known around the cells of the left half.

    Args:
        lr: LR faces, (N, 3, h, h), float32 RGB in [0, 1], of any scale.
        output: What a network made of them, (N, 3, 128, 128).

    Returns:
        (CELLS, N, KNOWN), around zero.
    """
    small = lr if lr.shape[-1] == GRID else F.interpolate(lr, (GRID, GRID), mode="area")
    near = F.unfold(F.pad(small - 0.5, (_PATCH // 2,) * 4, mode="replicate"), _PATCH)
    border = (_AROUND - CELL) // 2
    wide = F.pad(output - 0.5, (border,) * 4, mode="replicate")
    drawn = F.unfold(wide, _AROUND // 2, dilation=2, stride=CELL)
    return _left(torch.cat([near, drawn, torch.ones_like(near[:, :1])], 1))


def errors(error: Tensor) -> Tensor:
    """The error (N, 3, 128, 128) in the cells of the left half: (CELLS, N, ERRORS)."""
    return _left(F.pixel_unshuffle(error, CELL).flatten(2))


def whole(left: Tensor, right: Tensor) -> Tensor:
    """The error of whole faces, (N, 3, 128, 128).

    Args:
        left: In the cells of the left half, (CELLS, N, ERRORS).
        right: The same of the mirrored faces.
    """
    return torch.cat([_half(left), _half(right).flip(3)], 3)


def _left(columns: Tensor) -> Tensor:
    """(N, D, 256) to (CELLS, N, D)."""
    grid = columns.unflatten(2, (GRID, GRID))
    return grid[..., : GRID // 2].flatten(2).permute(2, 0, 1)


def _half(cells: Tensor) -> Tensor:
    """(CELLS, N, ERRORS) to the left half of faces, (N, 3, 128, 64)."""
    grid = cells.permute(1, 2, 0).unflatten(2, (GRID, GRID // 2))
    return F.pixel_shuffle(grid, CELL)
