"""MASA-s: coarse-to-fine matching and spatial adaptation, sized for a CPU budget.

Paper: L. Lu, W. Li, X. Tao, J. Lu, J. Jia, "MASA-SR: Matching acceleration and spatial adaptation
for reference-based image super-resolution", CVPR 2021.
Origin: re-implemented from the paper's equations, MASA in kind: blocks of the face find their place
in a reference by their centre (coarse), cells then search around that place alone (fine); the
spatial adaptation module gives the references' features the mean and deviation of the face's; dual
residual aggregation merges the two. Differences: x8 (a doubling before the first transfer), the
aggregation at one side (the paper's reference features have twice that of the face's), a small
extractor learnt with the rest, the cosines weigh what was found, L1 alone, a residual on the
bicubic image. Several references lie side by side as one.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._backbone import WIDTHS, Double, Head, Tail, blocks
from baselines._layers import conv
from baselines._references import (
    CELLS,
    GRID,
    SIDES,
    Descriptor,
    Pyramid,
    cosine,
    from_rows,
    nearest,
    neighbours,
    shrink,
    spread,
    transfer,
)
from baselines._references import WIDTHS as REFERENCE
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample

BLOCK = 8
"""Side in cells of a block of the face, placed as one."""
REACH = 14
"""Side in cells of the part of a reference in which a block's cells search."""


def block_cells(device: torch.device) -> Tensor:
    """Cells of each block, row by row, (16, 64)."""
    cells = torch.arange(CELLS, device=device).view(GRID // BLOCK, BLOCK, GRID // BLOCK, BLOCK)
    return cells.transpose(1, 2).reshape(-1, BLOCK * BLOCK)


def block_centres(device: torch.device) -> Tensor:
    """The four cells in the middle of each block, (16, 4)."""
    middle = slice(BLOCK // 2 - 1, BLOCK // 2 + 1)
    return block_cells(device).view(-1, BLOCK, BLOCK)[:, middle, middle].flatten(1)


def windows(centres: Tensor) -> Tensor:
    """Cells around `centres` (N, 16), each in any of K references: (N, 16, REACH^2)."""
    place = centres % CELLS
    top, left = (
        (part - REACH // 2).clamp(0, GRID - REACH) for part in (place // GRID, place % GRID)
    )
    step = torch.arange(REACH, device=centres.device)
    offsets = (step[:, None] * GRID + step).flatten()
    return (centres - place + top * GRID + left).unsqueeze(-1) + offsets


@torch.no_grad()
def search(query: Tensor, keys: Tensor) -> Tensor:
    """The key (N, K 1024, D) found for each query (N, 1024, D), coarse to fine: (N, 1024) int64."""
    cells = block_cells(query.device)
    coarse = nearest(query[:, block_centres(query.device)].mean(2), keys)
    candidates = windows(coarse)
    index = candidates.flatten(1).unsqueeze(-1).expand(-1, -1, keys.shape[-1])
    near = keys.gather(1, index).unflatten(1, candidates.shape[1:])
    best = nearest(query[:, cells], near)
    found = torch.empty(query.shape[:2], dtype=torch.long, device=query.device)
    found[:, cells.flatten()] = candidates.gather(2, best).flatten(1)
    return found


class Adaptation(nn.Module):
    """Spatial adaptation: the reference normalised, then scaled and shifted as learnt from both.

    gamma = conv + deviation of the face's features, beta = conv + their mean (equations 6 to 9).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.both = nn.Sequential(conv(2 * width, width), nn.LeakyReLU(0.2))
        self.gain, self.shift = conv(width, width), conv(width, width)

    def forward(self, features: Tensor, reference: Tensor) -> Tensor:
        """Both (N, C, H, H), and so the result."""
        both = self.both(torch.cat([features, reference], 1))
        deviation, mean = torch.std_mean(features, (-2, -1), correction=0, keepdim=True)
        gamma, beta = self.gain(both) + deviation, self.shift(both) + mean
        return F.instance_norm(reference) * gamma + beta


class Aggregation(nn.Module):
    """Dual residual aggregation: each branch learns from what it lacks of the other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_face, self.to_reference = conv(width, width), conv(width, width)
        self.merge = conv(2 * width, width)

    def forward(self, features: Tensor, reference: Tensor) -> Tensor:
        """Both (N, C, H, H), and so the result."""
        face = features + self.to_face(reference - features)
        richer = reference + self.to_reference(reference - features)
        return features + self.merge(torch.cat([face, richer], 1))


class MASA(nn.Module):
    """The network; `depth` blocks at 16x16."""

    def __init__(self, depth: int = 12) -> None:
        super().__init__()
        self.extract, self.describe = Pyramid(), Descriptor()
        self.head, self.tail = Head(depth), Tail()
        self.up = nn.ModuleDict({str(s): Double(s) for s in SIDES})
        self.widen = nn.ModuleDict({str(s): conv(REFERENCE[s], WIDTHS[s], 1) for s in SIDES})
        self.adapt = nn.ModuleDict({str(s): Adaptation(WIDTHS[s]) for s in SIDES})
        self.merge = nn.ModuleDict({str(s): Aggregation(WIDTHS[s]) for s in SIDES})
        self.blocks = nn.ModuleDict({str(s): blocks(WIDTHS[s], 2) for s in SIDES})

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        found, cosines = self._match(lr, refs) if refs.shape[1] else ({}, None)
        features = self.head(lr)
        for side in SIDES:
            features = self.up[str(side)](features)
            if cosines is not None:
                reference = self.widen[str(side)](found[side] * spread(cosines, side))
                adapted = self.adapt[str(side)](features, reference)
                features = self.merge[str(side)](features, adapted)
            features = self.blocks[str(side)](features)
        return upsample(lr, 8) + self.tail(features).float()

    def _match(self, lr: Tensor, refs: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """Features found in the references, by side, and cosines (N, 1024)."""
        count = refs.shape[1]
        query = self.describe(lr)
        keys = self.describe(shrink(refs)).unflatten(0, (-1, count)).flatten(1, 2)
        best = search(query, keys)
        cells = neighbours(best)
        found = {
            side: from_rows(transfer(rows.unflatten(0, (-1, count)).flatten(1, 2), cells), side)
            for side, rows in self.extract(refs.flatten(0, 1)).items()
        }
        return found, cosine(query, keys, best)


METHOD = Method("masa_s", "MASA-s", "Lu et al., CVPR 2021 (in kind)", MASA, True, True)
