"""Attention among channels, and a gated feed-forward, for networks of convolutions and attention.

Both after S. W. Zamir et al., "Restormer: Efficient transformer for high-resolution image
restoration", CVPR 2022, on whose layers several face networks build.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv


class Norm(nn.Module):
    """Layer normalisation over the channels of each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def depthwise(width: int) -> nn.Conv2d:
    """A 3x3 convolution of each channel by itself."""
    return nn.Conv2d(width, width, 3, padding=1, groups=width)


class ChannelAttention(nn.Module):
    """Each channel attends to all channels of its head: global in space at a cost linear in it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Sequential(conv(width, 3 * width, 1), depthwise(3 * width))
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.out = conv(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        parts = self.qkv(x).flatten(2).unflatten(1, (3, self.heads, -1))
        query, key, value = parts.unbind(1)
        scores = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-1, -2)
        attention = torch.softmax(scores * self.temperature, -1).to(value.dtype)
        return self.out((attention @ value).flatten(1, 2).unflatten(2, x.shape[2:]))


class FeedForward(nn.Module):
    """Two ways through a depthwise convolution, one of which gates the other."""

    def __init__(self, width: int, growth: float = 2.0) -> None:
        super().__init__()
        inner = int(width * growth)
        self.enter = nn.Sequential(conv(width, 2 * inner, 1), depthwise(2 * inner))
        self.out = conv(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        gate, value = self.enter(x).chunk(2, 1)
        return self.out(F.gelu(gate) * value)
