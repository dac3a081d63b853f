"""The single-image part that the reference methods share, so that they differ elsewhere."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet

WIDTHS = {16: 64, 32: 64, 64: 32, 128: 16}
"""Features at each side."""


class Block(nn.Module):
    """Convolution, ReLU, convolution, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width), conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return x + self.second(F.relu(self.first(x)))


def blocks(width: int, count: int) -> nn.Sequential:
    """So many blocks in a row."""
    return nn.Sequential(*(Block(width) for _ in range(count)))


class Head(nn.Module):
    """Features of the LR face: a convolution and residual blocks at 16x16."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.shallow = conv(3, WIDTHS[16])
        self.body = nn.Sequential(blocks(WIDTHS[16], depth), conv(WIDTHS[16], WIDTHS[16]))

    def forward(self, lr: Tensor) -> Tensor:
        """RGB (N, 3, 16, 16) to features (N, 64, 16, 16)."""
        shallow = self.shallow(lr - 0.5)
        return shallow + self.body(shallow)


class Double(nn.Sequential):
    """Features at half of `side` to `side`, by sub-pixel convolution."""

    def __init__(self, side: int) -> None:
        super().__init__(conv(WIDTHS[side // 2], 4 * WIDTHS[side]), nn.PixelShuffle(2))


class Tail(nn.Sequential):
    """Features at 128 to what the bicubic image lacks."""

    def __init__(self) -> None:
        super().__init__(
            conv(WIDTHS[128], WIDTHS[128]), nn.LeakyReLU(0.2), quiet(conv(WIDTHS[128], 3))
        )
