"""RCAN, the published size: 10 groups of 20 channel-attention blocks, 64 features.

Paper: Y. Zhang, K. Li, K. Li, L. Wang, B. Zhong, Y. Fu, "Image super-resolution using very deep
residual channel attention networks", ECCV 2018.
Origin: re-implemented from the paper; 15.59 M parameters at x4, as published. Differences: the
network predicts what bicubic upsampling lacks (the paper's predicts the image).
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from torch import Tensor, nn

from baselines._layers import conv, doublings, quiet
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample


class ChannelAttention(nn.Sequential):
    """A weight in [0, 1] for each channel, from the channels' means."""

    def __init__(self, width: int, reduction: int) -> None:
        squeeze = conv(width, width // reduction, 1)
        # So few units would often all start dead, and never learn.
        nn.init.constant_(squeeze.bias, 0.2)  # pyright: ignore[reportArgumentType]
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            squeeze,
            nn.ReLU(),
            conv(width // reduction, width, 1),
            nn.Sigmoid(),
        )


class Block(nn.Module):
    """RCAB: convolution, ReLU, convolution, channel attention, plus the input."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))
        self.attention = ChannelAttention(width, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        residual = self.layers(x)
        return x + self.attention(residual) * residual


class Skip(nn.Sequential):
    """Layers plus their input: a residual group, and the body of groups."""

    def forward(self, input: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return input + super().forward(input)


class RCAN(nn.Module):
    """The network: residual groups in a residual body ("residual in residual")."""

    def __init__(
        self,
        width: int = 64,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
        scale: int = 8,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.head = conv(3, width)
        inner = [
            Skip(*(Block(width, reduction) for _ in range(blocks)), conv(width, width))
            for _ in range(groups)
        ]
        self.body = Skip(*inner, conv(width, width))
        self.up = doublings(width, scale)
        self.last = quiet(conv(width, 3))

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        features = self.up(self.body(self.head(lr - 0.5)))
        return upsample(lr, self.scale) + self.last(features).float()


METHOD = Method("rcan", "RCAN", "Zhang et al., ECCV 2018", RCAN, False, True)
