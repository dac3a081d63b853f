"""MRefSR-s: attention over several references, sized for a CPU budget.

Paper: L. Zhang, X. Li, D. He, F. Li, E. Ding, Z. Zhang, "LMR: A large-scale multi-reference dataset
for reference-based super-resolution", ICCV 2023 (the method is its MRefSR).
Origin: re-implemented from the paper's description, MRefSR in kind: each reference is matched and
brought over by itself; in each pixel the face's feature attends to the K features found
(multi-reference attention); a learnt mask filters what comes in (spatial-aware filtering).
Differences: x8, cells without deformable convolutions, an extractor learnt with the rest, the
matching's cosine in the attention, L1 alone, a residual on the bicubic image.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines._backbone import WIDTHS, Double, Head, Tail, blocks
from baselines._layers import conv
from baselines._references import (
    SIDES,
    Descriptor,
    Pyramid,
    cosine,
    from_rows,
    nearest,
    shrink,
    to_rows,
    transfer,
)
from baselines._references import WIDTHS as REFERENCE
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample


class Fusion(nn.Module):
    """Attention over K references in each pixel, then a mask on what it gives.

    Keys and values are the features found: a linear map of them can as well be made of the query,
    and of the sum.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side, width, given = side, WIDTHS[side], REFERENCE[side]
        self.query, self.value = conv(width, given, 1), conv(given, width, 1)
        self.trust = nn.Parameter(torch.tensor(1.0))
        """Weight of the matching's cosine in the attention."""
        self.filter, self.out = conv(2 * width, width), conv(width, width)

    def forward(self, features: Tensor, found: Tensor, cosines: Tensor) -> Tensor:
        """`features` (N, C, H, H), rows `found` (N, K, 1024, D) and cosines (N, K, 1024)."""
        given = REFERENCE[self.side]
        query = to_rows(self.query(features)).unflatten(-1, (given, -1)).unsqueeze(1)
        pixels = found.unflatten(-1, (given, -1))
        score = (query * pixels).sum(3, keepdim=True).float() * given**-0.5
        weight = torch.softmax(score + self.trust * cosines[..., None, None], 1)
        mixed = (weight.to(pixels.dtype) * pixels).sum(1).flatten(2)
        value = self.value(from_rows(mixed, self.side))
        mask = torch.sigmoid(self.filter(torch.cat([features, value], 1)))
        return features + self.out(mask * value)


class MRefSR(nn.Module):
    """The network; `depth` blocks at 16x16."""

    def __init__(self, depth: int = 12) -> None:
        super().__init__()
        self.extract, self.describe = Pyramid(), Descriptor()
        self.head, self.tail = Head(depth), Tail()
        self.up = nn.ModuleDict({str(s): Double(s) for s in SIDES})
        self.fuse = nn.ModuleDict({str(s): Fusion(s) for s in SIDES})
        self.blocks = nn.ModuleDict({str(s): blocks(WIDTHS[s], 2) for s in SIDES})

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        found, cosines = self._align(lr, refs) if refs.shape[1] else ({}, None)
        features = self.head(lr)
        for side in SIDES:
            features = self.up[str(side)](features)
            if cosines is not None:
                features = self.fuse[str(side)](features, found[side], cosines)
            features = self.blocks[str(side)](features)
        return upsample(lr, 8) + self.tail(features).float()

    def _align(self, lr: Tensor, refs: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """Rows of each reference in the face's places, by side, and cosines (N, K, 1024)."""
        size = refs.shape[:2]
        keys = self.describe(shrink(refs)).unflatten(0, size)
        query = self.describe(lr).unsqueeze(1).expand_as(keys)
        best = nearest(query, keys)
        cells = best.flatten(0, 1).unsqueeze(-1)
        found = {
            side: transfer(rows, cells).unflatten(0, size)
            for side, rows in self.extract(refs.flatten(0, 1)).items()
        }
        return found, cosine(query, keys, best)


METHOD = Method("mrefsr_s", "MRefSR-s", "Zhang et al., ICCV 2023 (in kind)", MRefSR, True, True)
