"""MSRNet without references: a single-image network with attention of the face to itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet
from baselines.sparnet import Unit
from benchmark.methods.resample import upsample

WIDTHS = {16: 64, 32: 64, 64: 32, 128: 16}
"""Features at each side."""
RAISED = (32, 64, 128)
ATTENTION = 32
"""Features in the attention branch of a unit."""


@dataclass(frozen=True)
class Output:
    """What the trunk makes of N faces."""

    lr: Tensor
    """(N, 3, 16, 16)."""
    base: Tensor
    """The faces upsampled, (N, 3, 128, 128)."""
    sr: Tensor
    """The faces super-resolved, (N, 3, 128, 128), float32."""
    features: dict[int, Tensor]
    """By side 32, 64, 128: (N, WIDTHS[side], side, side)."""

    def take(self, which: slice) -> Output:
        """Some of the faces."""
        features = {side: value[which] for side, value in self.features.items()}
        return Output(self.lr[which], self.base[which], self.sr[which], features)


class Block(nn.Module):
    """Residual block: convolution, ReLU, convolution. It starts as nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width), conv(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return x + self.second(F.relu(self.first(x)))


class Encoder(nn.Module):
    """Features of the upsampled face at 128, 64, 32 and 16."""

    def __init__(self) -> None:
        super().__init__()
        self.head = conv(3, WIDTHS[128])
        self.block = Block(WIDTHS[64])
        self.down = nn.ModuleList(
            conv(WIDTHS[big], WIDTHS[small], stride=2) for big, small in pairwise((128, 64, 32, 16))
        )

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """RGB (N, 3, 128, 128) to features by side, (N, WIDTHS[side], side, side)."""
        features = F.leaky_relu(self.head(image - 0.5), 0.2)
        pyramid = {128: features}
        for side, down in zip((64, 32, 16), self.down, strict=True):
            features = F.leaky_relu(down(features), 0.2)
            features = self.block(features) if side == 64 else features
            pyramid[side] = features
        return pyramid


class Internal(nn.Module):
    """Cross-scale attention of the face to itself: a cell at 16 takes up 2x2 blocks of cells.

    Each cell is compared with the face at half its size; what lies there at full size is detail for
    the cell at twice its size (after Mei et al., CVPR 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        width = WIDTHS[16]
        self.query, self.key = conv(width, width // 2, 1), conv(width, width // 2, 1)
        self.value = conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, 64, 16, 16) to (N, 64, 32, 32)."""
        query = self.query(features).flatten(2).transpose(1, 2)
        key = self.key(F.avg_pool2d(features, 2)).flatten(2)
        value = F.pixel_unshuffle(self.value(features), 2).flatten(2).transpose(1, 2)
        attention = torch.softmax(query @ key * query.shape[-1] ** -0.5, -1)
        blocks = (attention @ value).transpose(1, 2).unflatten(2, (16, 16))
        return F.pixel_shuffle(blocks, 2)


class Stage(nn.Module):
    """Doubles the side: sub-pixel convolution (Shi et al., CVPR 2016), then two units."""

    def __init__(self, side: int) -> None:
        super().__init__()
        before, after = WIDTHS[side // 2], WIDTHS[side]
        self.up = nn.Sequential(conv(before, 4 * after), nn.PixelShuffle(2))
        self.merge = conv(after, after)
        self.blocks = nn.Sequential(*(_unit(after, side) for _ in range(2)))

    def forward(self, content: Tensor, beside: Tensor) -> Tensor:
        """Features at half the side, and at the side what is added to them, to features."""
        raised = self.up(content) + beside
        return self.blocks(raised + self.merge(raised))


def _unit(width: int, side: int) -> nn.Module:
    """SPARNet's face attention unit. At 128 attention would cost as much as all the rest."""
    return Block(width) if side > 64 else Unit(width, width, "", side, ATTENTION)


class Trunk(nn.Module):
    """The network of K = 0: `body` units at 16x16, two at each side above."""

    def __init__(self, internal: bool = True, body: int = 10) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.head = conv(3 + WIDTHS[16], WIDTHS[16])
        self.body = nn.Sequential(*(_unit(WIDTHS[16], 16) for _ in range(body)))
        self.internal = Internal() if internal else None
        self.stages = nn.ModuleDict({str(side): Stage(side) for side in RAISED})
        self.tail = conv(WIDTHS[128], WIDTHS[128])
        self.last = quiet(conv(WIDTHS[128], 3))

    def forward(self, lr: Tensor) -> Output:
        """LR faces (N, 3, 16, 16), RGB in [0, 1]."""
        base = upsample(lr, 8)
        own = self.encoder(base)
        shallow = self.head(torch.cat([lr - 0.5, own[16]], 1))
        content = shallow + self.body(shallow)
        within = self.internal(content) if self.internal is not None else None
        features = {}
        for side in RAISED:
            beside = own[side] + within if side == 32 and within is not None else own[side]
            content = features[side] = self.stages[str(side)](content, beside)
        found = self.last(F.leaky_relu(self.tail(content), 0.2)).float()
        return Output(lr, base, base + found, features)
