"""TTSR-s: a texture transformer with hard and soft attention, sized for a CPU budget.

Paper: F. Yang, H. Yang, J. Fu, H. Lu, B. Guo, "Learning texture transformer network for image
super-resolution", CVPR 2020.
Origin: re-implemented from the paper's equations, TTSR in kind. Differences: x8 (a doubling before
the first transfer; the paper has x4), a small extractor learnt from scratch (the paper starts with
VGG-19), one pass of cross-scale exchange, L1 alone, a residual on the bicubic image. Several
references lie side by side as one: the best patch of all is taken.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._backbone import WIDTHS, Double, Head, Tail, blocks
from baselines._layers import conv
from baselines._references import (
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


def _raise(features: Tensor, scale: int) -> Tensor:
    return F.interpolate(features, scale_factor=scale, mode="bilinear")


class Exchange(nn.Module):
    """Cross-scale feature integration: each side hears of its neighbours, then all merge at 128."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ModuleDict(
            {str(side): conv(WIDTHS[side // 2], WIDTHS[side], 1) for side in (64, 128)}
        )
        self.down = nn.ModuleDict(
            {str(side): conv(WIDTHS[2 * side], WIDTHS[side], stride=2) for side in (32, 64)}
        )
        self.merge = nn.ModuleDict(
            {str(side): conv(WIDTHS[side], WIDTHS[128], 1) for side in SIDES}
        )

    def forward(self, features: dict[int, Tensor]) -> Tensor:
        """Features by side to features at 128, (N, 16, 128, 128)."""
        mixed = dict(features)
        for side in (64, 128):
            mixed[side] = mixed[side] + _raise(self.up[str(side)](features[side // 2]), 2)
        for side in (32, 64):
            mixed[side] = mixed[side] + self.down[str(side)](features[2 * side])
        parts = [_raise(self.merge[str(side)](F.relu(mixed[side])), 128 // side) for side in SIDES]
        return features[128] + sum(parts)


class TTSR(nn.Module):
    """The network; `depth` blocks at 16x16."""

    def __init__(self, depth: int = 12) -> None:
        super().__init__()
        self.extract, self.describe = Pyramid(), Descriptor()
        self.head, self.exchange, self.tail = Head(depth), Exchange(), Tail()
        self.up = nn.ModuleDict({str(side): Double(side) for side in SIDES})
        self.fuse = nn.ModuleDict(
            {str(s): conv(WIDTHS[s] + REFERENCE[s], WIDTHS[s]) for s in SIDES}
        )
        self.blocks = nn.ModuleDict({str(s): blocks(WIDTHS[s], 2) for s in SIDES})

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        texture, relevance = self._attend(lr, refs) if refs.shape[1] else ({}, None)
        features, states = self.head(lr), {}
        for side in SIDES:
            features = self.up[str(side)](features)
            if relevance is not None:
                both = torch.cat([features, texture[side]], 1)
                features = features + self.fuse[str(side)](both) * spread(relevance, side)
            features = states[side] = self.blocks[str(side)](features)
        return upsample(lr, 8) + self.tail(self.exchange(states)).float()

    def _attend(self, lr: Tensor, refs: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """Textures H by hard attention, by side, and the map S of soft attention, (N, 1024)."""
        count = refs.shape[1]
        query = self.describe(lr)
        keys = self.describe(shrink(refs)).unflatten(0, (-1, count)).flatten(1, 2)
        found = nearest(query, keys)
        cells = neighbours(found)
        texture = {
            side: from_rows(transfer(rows.unflatten(0, (-1, count)).flatten(1, 2), cells), side)
            for side, rows in self.extract(refs.flatten(0, 1)).items()
        }
        return texture, cosine(query, keys, found)


METHOD = Method("ttsr_s", "TTSR-s", "Yang et al., CVPR 2020 (in kind)", TTSR, True, True)
