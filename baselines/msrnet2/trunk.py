"""The network of K = 0: SPARNet-s, with attention of the face to itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.sparnet import SPARNet
from benchmark.methods.resample import upsample

WIDTHS = {16: 64, 32: 64, 64: 32, 128: 16}


@dataclass(frozen=True)
class Look:
    """A face as the trunk sees it."""

    lr: Tensor
    """(N, 3, 16, 16)."""
    base: Tensor
    """The face upsampled, (N, 3, 128, 128)."""
    sr: Tensor
    """What the trunk makes of it, (N, 3, 128, 128), float32."""
    features: dict[int, Tensor]
    """By side 32, 64, 128: (N, WIDTHS[side], side, side)."""

    def take(self, which: slice) -> Look:
        """Some of the faces."""
        features = {side: value[which] for side, value in self.features.items()}
        return Look(self.lr[which], self.base[which], self.sr[which], features)


class Internal(nn.Module):
    """Cross-scale attention of the face to itself: a cell at 16 takes up 2x2 blocks of cells.

    Each cell is compared with the face at half its size; what lies there at full size is detail for
    the cell at twice its size (after Mei et al., CVPR 2020). It starts as nothing.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = (nn.Conv2d(width, width // 2, 1) for _ in range(2))
        self.value = nn.Conv2d(width, width, 1)
        self.strength = nn.Parameter(torch.full((1, width, 1, 1), 1e-3))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, 16, 16) to (N, width, 32, 32)."""
        query = self.query(features).flatten(2).transpose(1, 2)
        key = self.key(F.avg_pool2d(features, 2)).flatten(2)
        value = F.pixel_unshuffle(self.value(features), 2).flatten(2).transpose(1, 2)
        attention = torch.softmax((query @ key).float() * query.shape[-1] ** -0.5, -1)
        blocks = (attention.to(value.dtype) @ value).transpose(1, 2).unflatten(2, (16, 16))
        return self.strength * F.pixel_shuffle(blocks, 2)


class Trunk(SPARNet):
    """SPARNet-s that shows its features on the way up."""

    def __init__(self, internal: bool = True) -> None:
        super().__init__(least=16, most=64, body=6, attention=32)
        self.internal = Internal(WIDTHS[16]) if internal else None

    def look(self, lr: Tensor) -> Look:
        """Of LR faces (N, 3, 16, 16)."""
        base = upsample(lr, 8)
        features, units = {}, list(self.body)
        x = self.head(base - 0.5)
        for unit in units[:-3]:
            x = unit(x)
        within = self.internal(x) if self.internal is not None else None
        for side, unit in zip((32, 64, 128), units[-3:], strict=True):
            x = unit(x)
            if side == 32 and within is not None:
                x = x + within
            features[side] = x
        return Look(lr, base, base + self.last(x).float(), features)
