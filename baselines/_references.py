"""Matching of patches between the face and its references, and bringing over what was found.

Matching happens on a grid of 32x32 cells: the face upsampled twice, a reference shrunk to 16x16 and
upsampled twice, so that both lack the same detail. A tensor of `rows` holds one row for each cell,
the features of the pixels that the cell covers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv
from benchmark.methods.resample import downsample, upsample

GRID = 32
CELLS = GRID * GRID
SIDES = (32, 64, 128)
WIDTHS = {32: 32, 64: 16, 128: 8}
"""Features of a reference at each side."""


class Pyramid(nn.Module):
    """Features of a reference at 128, 64 and 32.

    The finest are computed from blocks of 2x2 pixels, which costs a fifth of a convolution at 128.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = conv(4 * 3, 4 * WIDTHS[128])
        self.middle = conv(4 * WIDTHS[128], WIDTHS[64])
        self.coarse = conv(WIDTHS[64], WIDTHS[32], stride=2)

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        """RGB (B, 3, 128, 128) to rows by side, (B, 1024, WIDTHS[side] (side / 32)^2)."""
        blocks = F.leaky_relu(self.fine(F.pixel_unshuffle(images - 0.5, 2)), 0.2)
        middle = F.leaky_relu(self.middle(blocks), 0.2)
        coarse = F.leaky_relu(self.coarse(middle), 0.2)
        fine = F.pixel_shuffle(blocks, 2)
        return {32: to_rows(coarse), 64: to_rows(middle), 128: to_rows(fine)}


class Descriptor(nn.Module):
    """Features by which cells are compared, learnt with the rest."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.net = nn.Sequential(conv(3, 2 * width), nn.LeakyReLU(0.2), conv(2 * width, width))

    def forward(self, small: Tensor) -> Tensor:
        """RGB (B, 3, 16, 16) to one unit vector for each cell's 3x3 patch, (B, 1024, 9 width)."""
        features = self.net(upsample(small, 2) - 0.5).float()
        features = features - features.mean((-2, -1), keepdim=True)
        patches = F.unfold(features, 3, padding=1).transpose(1, 2).contiguous()
        return patches / (patches.norm(dim=-1, keepdim=True) + 1e-3)


def shrink(refs: Tensor) -> Tensor:
    """References (N, K, 3, 128, 128) as (N K, 3, 16, 16), made small as the face was."""
    return downsample(refs.flatten(0, 1), 8).clamp(0, 1).mul(255).round().div(255)


@torch.no_grad()
def nearest(query: Tensor, keys: Tensor) -> Tensor:
    """The key (..., P, D) most similar to each query (..., Q, D): its index, (..., Q) int64."""
    # `max` is several times as fast as `argmax` for bfloat16.
    return (query @ keys.transpose(-1, -2)).max(-1).indices


def cosine(query: Tensor, keys: Tensor, found: Tensor) -> Tensor:
    """Cosine of each query (..., Q, D) with the key (..., P, D) that `found` (..., Q) names."""
    chosen = keys.gather(-2, found.unsqueeze(-1).expand(*found.shape, keys.shape[-1]))
    return (query * chosen).sum(-1)


def to_rows(features: Tensor) -> Tensor:
    """Features (B, C, H, H) as rows, (B, 1024, C (H / 32)^2)."""
    return F.pixel_unshuffle(features, features.shape[-1] // GRID).flatten(2).transpose(1, 2)


def from_rows(rows: Tensor, side: int) -> Tensor:
    """Rows (B, 1024, C (side / 32)^2) as features (B, C, side, side)."""
    return F.pixel_shuffle(rows.transpose(1, 2).unflatten(2, (GRID, GRID)), side // GRID)


def neighbours(found: Tensor) -> Tensor:
    """Cells whose mean fills each cell when found 3x3 patches are put in place: (B, 1024, 9).

    `found` (B, 1024) int64 names cells of P images side by side, each below P 1024. The patch
    that a cell's neighbour found covers the cell, too; beyond a border the border cell counts.
    """
    grid = F.pad(found.view(-1, 1, GRID, GRID).float(), (1, 1, 1, 1), mode="replicate").long()
    covering = [
        _beside(grid[:, 0, 1 - down :][:, :GRID, 1 - right :][:, :, :GRID], down, right)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    ]
    return torch.stack(covering, -1).flatten(1, 2)


def _beside(cells: Tensor, down: int, right: int) -> Tensor:
    """The cell `down` and `right` of each of `cells`, inside the same image."""
    place = cells % CELLS
    row = (place // GRID + down).clamp(0, GRID - 1)
    column = (place % GRID + right).clamp(0, GRID - 1)
    return cells - place + row * GRID + column


def transfer(rows: Tensor, cells: Tensor) -> Tensor:
    """Mean of the rows (B, P 1024, D) that `cells` (B, 1024, M) name: (B, 1024, D)."""
    start = torch.arange(rows.shape[0], device=rows.device).view(-1, 1, 1) * rows.shape[1]
    bags = (cells + start).flatten(0, 1)
    return F.embedding_bag(bags, rows.flatten(0, 1), mode="mean").unflatten(0, (-1, CELLS))


def spread(values: Tensor, side: int) -> Tensor:
    """One number for each cell, (B, 1024), as a map (B, 1, side, side)."""
    return F.interpolate(values.view(-1, 1, GRID, GRID), scale_factor=side / GRID)
