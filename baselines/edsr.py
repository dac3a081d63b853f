"""EDSR, baseline size: 16 residual blocks of 64 features without batch normalisation.

Paper: B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, "Enhanced deep residual networks for single image
super-resolution", CVPR Workshops 2017.
Origin: re-implemented from the paper. Differences: x8 by three pixel shuffles (the paper has x2, x3
and x4), and the network predicts what bicubic upsampling lacks, which helps short trainings.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.methods.method import Method
from benchmark.methods.resample import upsample


def _conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1)


class Block(nn.Module):
    """Convolution, ReLU, convolution, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _conv(width, width), _conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return x + self.second(F.relu(self.first(x)))


class EDSR(nn.Module):
    """The network."""

    def __init__(self, width: int = 64, blocks: int = 16) -> None:
        super().__init__()
        self.head = _conv(3, width)
        self.body = nn.Sequential(*(Block(width) for _ in range(blocks)), _conv(width, width))
        doubling = [(_conv(width, 4 * width), nn.PixelShuffle(2)) for _ in range(3)]
        self.up = nn.Sequential(*(layer for pair in doubling for layer in pair))
        self.last = _conv(width, 3)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        features = self.head(lr - 0.5)
        features = features + self.body(features)
        return upsample(lr, 8) + self.last(self.up(features)).float()


METHOD = Method("edsr", "EDSR", "Lim et al., CVPRW 2017", EDSR, False, True)
