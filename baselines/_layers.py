"""Layers that several methods share."""

from __future__ import annotations

from torch import nn


def conv(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the side (or divides it by `stride`), with zeros around."""
    return nn.Conv2d(before, after, size, stride, size // 2)


def quiet(layer: nn.Conv2d) -> nn.Conv2d:
    """Make a network's last layer start near zero, so that its first output is bicubic."""
    nn.init.normal_(layer.weight, std=1e-3)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def doublings(width: int, scale: int) -> nn.Sequential:
    """Sub-pixel convolutions (Shi et al., CVPR 2016), each doubling the side, up to `scale`."""
    layers: list[nn.Module] = []
    for _ in range(scale.bit_length() - 1):
        layers += [conv(width, 4 * width), nn.PixelShuffle(2)]
    return nn.Sequential(*layers)
