"""SwinIR, the size for classical super-resolution: 6 groups of 6 layers, 180 features.

Paper: J. Liang, J. Cao, G. Sun, K. Zhang, L. Van Gool, R. Timofte, "SwinIR: Image restoration using
Swin Transformer", ICCV Workshops 2021.
Origin: re-implemented from the paper; 11.9 M parameters at x4, as published. Differences: the
network predicts what bicubic upsampling lacks, no stochastic depth, and nothing
is padded: the sides of a 16x16 face are multiples of the 8x8 window.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines._layers import conv, doublings, quiet
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample

SIDE = 16
WINDOW = 8


def to_windows(x: Tensor) -> Tensor:
    """Features (N, 16, 16, C) as (4 N, 64, C), one row of pixels for each window."""
    x = x.unflatten(2, (-1, WINDOW)).unflatten(1, (-1, WINDOW)).transpose(2, 3)
    return x.reshape(-1, WINDOW * WINDOW, x.shape[-1])


def from_windows(x: Tensor) -> Tensor:
    """The inverse of `to_windows`."""
    count = SIDE // WINDOW
    x = x.reshape(-1, count, count, WINDOW, WINDOW, x.shape[-1]).transpose(2, 3)
    return x.reshape(-1, SIDE, SIDE, x.shape[-1])


def relative_index() -> Tensor:
    """For each pair of pixels of a window the row of the table of position biases, (64, 64)."""
    place = torch.stack(torch.meshgrid(*[torch.arange(WINDOW)] * 2, indexing="ij")).flatten(1)
    offset = place[:, :, None] - place[:, None, :] + WINDOW - 1
    return offset[0] * (2 * WINDOW - 1) + offset[1]


def shift_mask(shift: int) -> Tensor:
    """0 for pixels that were neighbours before the shift, -100 for others, (4, 1, 64, 64)."""
    band = torch.zeros(SIDE)
    band[SIDE - WINDOW : SIDE - shift], band[SIDE - shift :] = 1, 2
    region = to_windows((3 * band[:, None] + band)[None, :, :, None]).squeeze(-1)
    return torch.where(region[:, None, :, None] == region[:, None, None, :], 0.0, -100.0)


class WindowAttention(nn.Module):
    """Multi-head attention inside the windows of a face, shifted or not."""

    index: Tensor
    mask: Tensor

    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.heads, self.shift = heads, shift
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.position = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, heads))
        nn.init.normal_(self.position, std=0.02)
        self.register_buffer("index", relative_index(), persistent=False)
        self.register_buffer("mask", shift_mask(shift), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 16, 16, C) to the same shape."""
        rows = to_windows(x.roll((-self.shift, -self.shift), (1, 2)))
        split = self.qkv(rows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        scores = scores + self.position[self.index].permute(2, 0, 1)
        if self.shift:
            windows = self.mask.shape[0]
            scores = (scores.unflatten(0, (-1, windows)) + self.mask).flatten(0, 1)
        mixed = (scores.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2)
        return from_windows(self.out(mixed)).roll((self.shift, self.shift), (1, 2))


class Layer(nn.Module):
    """Swin transformer layer: attention and a perceptron, each after a normalisation."""

    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, shift)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 16, 16, C) to the same shape."""
        x = x + self.attention(self.before(x))
        return x + self.perceptron(self.between(x))


class Group(nn.Module):
    """Residual Swin transformer block: layers, a convolution, plus the input."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        shifts = [WINDOW // 2 * (place % 2) for place in range(layers)]
        self.layers = nn.Sequential(*(Layer(width, heads, shift) for shift in shifts))
        self.conv = conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 16, 16, C) to the same shape."""
        return x + self.conv(self.layers(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SwinIR(nn.Module):
    """The network. `light`: one sub-pixel convolution upsamples instead of doublings."""

    def __init__(
        self,
        width: int = 180,
        groups: int = 6,
        layers: int = 6,
        heads: int = 6,
        light: bool = False,
        scale: int = 8,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.head = conv(3, width)
        self.start, self.end = nn.LayerNorm(width), nn.LayerNorm(width)
        self.groups = nn.Sequential(*(Group(width, layers, heads) for _ in range(groups)))
        self.fuse = conv(width, width)
        self.up = self._direct(width) if light else self._doubling(width)
        for module in self.groups.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def _direct(self, width: int) -> nn.Sequential:
        last = quiet(conv(width, 3 * self.scale**2))
        return nn.Sequential(last, nn.PixelShuffle(self.scale))

    def _doubling(self, width: int, narrow: int = 64) -> nn.Sequential:
        up, last = doublings(narrow, self.scale), quiet(conv(narrow, 3))
        return nn.Sequential(conv(width, narrow), nn.LeakyReLU(), up, last)

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        shallow = self.head(lr - 0.5)
        deep = self.end(self.groups(self.start(shallow.permute(0, 2, 3, 1))))
        features = shallow + self.fuse(deep.permute(0, 3, 1, 2))
        return upsample(lr, self.scale) + self.up(features).float()


METHOD = Method("swinir", "SwinIR", "Liang et al., ICCVW 2021", SwinIR, False, True)
