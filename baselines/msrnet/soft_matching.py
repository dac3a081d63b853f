"""Soft matching: a cell takes a weighted mean of all cells near its own, in all references.

One matched cell of a look-alike is a guess; the mean of many, weighted by similarity, is nearer to
what a squared error asks for, as in non-local means (Buades et al., CVPR 2005). And the weights,
unlike a choice, teach the matcher directly.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn

from baselines.msrnet.references import Encoded, External
from benchmark.methods.patches import GRID, from_rows

QUARTER = GRID // 2
"""Side in cells of the part of the grid that is worked at once."""
REACH = 4
"""Cells beyond its part in which a cell looks, as faces are aligned."""


class SoftGather(nn.Module):
    """Brings the references together by one softmax over their cells and over K."""

    def __init__(self, detail: bool = True) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(3.0))
        """Log of the softmax's inverse temperature."""
        self.strictness = nn.Parameter(torch.tensor(2.5)) if detail else None
        """Log of s in the gate exp(-s (1 - cosine)), as in `external.Gather`."""

    def forward(self, refs: Encoded, query: Tensor) -> External:
        """`query` (N, 1024, D) as the matcher describes the face."""
        size = refs.keys.shape[-1]
        kept = [refs.keys, *refs.rows.values(), *([] if self.strictness is None else [refs.detail])]
        found = self._blend(query * self.sharpness.exp(), torch.cat(kept, -1), size)
        keys, *blended = found.split([part.shape[-1] for part in kept], -1)
        features = {
            side: from_rows(rows, side) for side, rows in zip(refs.rows, blended, strict=False)
        }
        cosine = (query * keys).sum(-1)
        confidence = cosine.view(-1, 1, GRID, GRID)
        if self.strictness is None:
            return External(features, None, None, confidence)
        gate = torch.exp(-self.strictness.exp() * (1 - cosine).clamp(min=0)).unsqueeze(-1)
        high = from_rows(blended[-1] * gate, 128)
        return External(features, high, from_rows(gate.expand(-1, -1, 16), 128), confidence)

    def _blend(self, query: Tensor, values: Tensor, size: int) -> Tensor:
        """Mean of `values` (N, K, 1024, V) for each cell, whose first `size` are keys.

        Returns (N, 1024, V).
        """
        asked = query.unflatten(1, (GRID, GRID))
        grid = values.unflatten(2, (GRID, GRID))
        parts = [
            self._part(asked, grid, rows, columns, size)
            for rows, columns in product((0, QUARTER), repeat=2)
        ]
        upper, lower = torch.cat(parts[:2], 2), torch.cat(parts[2:], 2)
        return torch.cat([upper, lower], 1).flatten(1, 2)

    def _part(self, query: Tensor, grid: Tensor, row: int, column: int, size: int) -> Tensor:
        asked = query[:, row : row + QUARTER, column : column + QUARTER].flatten(1, 2)
        there = grid[:, :, _around(row), _around(column)].flatten(1, 3)
        weight = torch.softmax(asked @ there[..., :size].transpose(1, 2), -1)
        return (weight.to(there.dtype) @ there).unflatten(1, (QUARTER, QUARTER))


def _around(start: int) -> slice:
    return slice(max(0, start - REACH), min(GRID, start + QUARTER + REACH))
