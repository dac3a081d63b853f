"""Residuals of references, transferred to a face by matching patches, and what learns from them.

A residual is what a super-resolved face lacks of its HR face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.data.faces import as_batch, no_references
from benchmark.methods.patches import GRID, from_rows, to_rows
from benchmark.protocol.degradation import degrade

REACH = 3
"""Cells of 32x32 around its own in which a cell is matched."""
SHARPNESS = 24.0
"""Inverse temperature of the weights of cosines: `soft` is a mean over some ten patches."""
PATCH = 7
"""Side of the patches that are compared, in cells of 64x64: 14 pixels."""


@dataclass(frozen=True)
class Outputs:
    """Faces that a network super-resolved, RGB in [0, 1]."""

    images: Tensor
    """(N, 3, 128, 128), clamped."""
    residual: Tensor
    """What they lack of the HR faces, (N, 3, 128, 128)."""


@torch.no_grad()
def outputs(model: nn.Module, hr: Tensor, batch: int = 16) -> Outputs:
    """What `model` makes of HR faces, uint8 (N, 128, 128, 3), degraded to LR faces."""
    found = []
    for part in hr.split(batch):
        lr = as_batch(np.stack([degrade(face) for face in part.numpy()]))
        found.append(model(lr, no_references(range(len(part)))).float().clamp(0, 1))
    images = torch.cat(found)
    return Outputs(images, as_batch(hr.numpy()) - images)


def describe(images: Tensor) -> tuple[Tensor, Tensor]:
    """Patches of (N, 3, 128, 128) by cell: unit vectors without mean (N, 1024, D), and contrasts.

    The contrasts (N, 1024) are the lengths that the vectors had.
    """
    patches = F.unfold(F.avg_pool2d(images, 2), PATCH, padding=PATCH // 2, stride=2)
    colours = patches.transpose(1, 2).unflatten(-1, (3, PATCH * PATCH))
    level = (colours - colours.mean(-1, keepdim=True)).flatten(2)
    contrast = level.norm(dim=-1).clamp(min=1e-2)
    return level / contrast.unsqueeze(-1), contrast


def transfer(face: Tensor, images: Tensor, residual: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Residuals of K references for one face: `hard`, `soft`, and the best cosine by cell.

    `face` (3, 128, 128), `images` and `residual` (K, 3, 128, 128). A residual is scaled by the
    contrast of the face's patch over that of the match. Returns (3, 128, 128) twice and (32, 32).
    """
    query, contrast = describe(face[None])
    keys, others = describe(images)
    similarity = (query @ keys.transpose(1, 2)).masked_fill(_beyond(REACH).to(face.device), -2)
    similarity = similarity.transpose(0, 1).flatten(1)
    rows = (to_rows(residual) / others.unsqueeze(-1)).flatten(0, 1)
    best = similarity.max(1)
    scale = contrast[0].unsqueeze(-1)
    soft = torch.softmax(SHARPNESS * similarity, 1) @ rows
    hard, blended = (from_rows((part * scale)[None], 128)[0] for part in (rows[best.indices], soft))
    return hard, blended, best.values.view(GRID, GRID)


class Corrector(nn.Module):
    """Corrects a finished face by residuals that were brought over; 47 thousand parameters.

    It works at 64x64 and starts as no correction. Without references both residuals and the cosine
    are zero: the same network as a control, which can only learn from the finished face.
    """

    INPUTS = 10

    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.head = nn.Conv2d(4 * self.INPUTS, width, 3, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )  # fmt: skip
        self.last = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, given: Tensor) -> Tensor:
        """`given` (N, 10, 128, 128) as `inputs` makes it, to a correction (N, 3, 128, 128)."""
        features = F.relu(self.head(F.pixel_unshuffle(given, 2)))
        return F.pixel_shuffle(self.last(features + self.block(features)), 2)


def inputs(face: Tensor, hard: Tensor, soft: Tensor, cosine: Tensor) -> Tensor:
    """What `Corrector` is given of one face: (10, 128, 128)."""
    spread = F.interpolate(cosine[None, None], scale_factor=4)[0]
    return torch.cat([face - 0.5, 4 * hard, 4 * soft, spread])


def _beyond(reach: int) -> Tensor:
    """Whether two cells of the grid are more than `reach` rows or columns apart, (1024, 1024)."""
    places = torch.arange(GRID * GRID)
    rows, columns = places // GRID, places % GRID
    apart = torch.maximum(
        (rows[:, None] - rows[None]).abs(), (columns[:, None] - columns[None]).abs()
    )
    return apart > reach
