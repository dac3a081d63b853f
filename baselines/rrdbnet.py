"""RRDBNet, the generator of ESRGAN trained for fidelity: 23 residual-in-residual dense blocks.

Paper: X. Wang, K. Yu, S. Wu, J. Gu, Y. Liu, C. Dong, Y. Qiao, C. C. Loy, "ESRGAN: Enhanced
super-resolution generative adversarial networks", ECCV Workshops 2018.
Origin: re-implemented from the paper; 16.70 M parameters at x4, as published. Differences: the
network predicts what bicubic upsampling lacks. This is the paper's PSNR-oriented network: the loss
is the leaderboard's; `esrgan_s` trains one against a discriminator.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample

SHARE = 0.2
"""Weight of each residual."""


class Dense(nn.Module):
    """Five convolutions, each of which sees all before it, plus the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.grow = nn.ModuleList(conv(width + k * growth, growth) for k in range(4))
        self.merge = conv(width + 4 * growth, width)
        for parameter in self.parameters():
            parameter.data *= 0.3

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        known = x
        for layer in self.grow:
            known = torch.cat([known, F.leaky_relu(layer(known), 0.2)], 1)
        return x + SHARE * self.merge(known)


class Block(nn.Module):
    """RRDB: three dense blocks, plus the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(Dense(width, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return x + SHARE * self.layers(x)


class RRDBNet(nn.Module):
    """The network; upsamples by repeating pixels, a convolution after each doubling."""

    def __init__(self, width: int = 64, blocks: int = 23, growth: int = 32, scale: int = 8) -> None:
        super().__init__()
        self.scale = scale
        self.head = conv(3, width)
        self.body = nn.Sequential(*(Block(width, growth) for _ in range(blocks)))
        self.after = conv(width, width)
        doublings = scale.bit_length() - 1
        self.up = nn.ModuleList(conv(width, width) for _ in range(doublings))
        self.fine = conv(width, width)
        self.last = quiet(conv(width, 3))

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        shallow = self.head(lr - 0.5)
        features = shallow + self.after(self.body(shallow))
        for layer in self.up:
            features = F.leaky_relu(layer(F.interpolate(features, scale_factor=2.0)), 0.2)
        features = F.leaky_relu(self.fine(features), 0.2)
        return upsample(lr, self.scale) + self.last(features).float()


METHOD = Method("rrdbnet", "RRDBNet", "Wang et al., ECCVW 2018", RRDBNet, False, True)
