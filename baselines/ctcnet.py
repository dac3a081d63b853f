"""CTCNet: convolutions for the structure of the face and attention for its whole, in a U.

Paper: G. Gao, Z. Xu, J. Li, J. Yang, T. Zeng, G.-J. Qi, "CTCNet: A CNN-transformer cooperation
network for face image super-resolution", IEEE Trans. on Image Processing 32, 2023.
Origin: re-implemented from the paper's description, CTCNet in kind: local-global cooperation
modules (a facial structure attention unit and a transformer block), a refinement module in the
middle, and multi-scale fusion of the encoder's features into each stage of the decoder.
Differences: widths, depths and the inside of the units are ours, and so is the size, below the
24.4 M parameters and 30.0 G multiply-adds of the authors' network; a residual on the bicubic image.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet
from baselines._transformer import ChannelAttention, FeedForward, Norm
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample

SIDES = (128, 64, 32)
MIDDLE = 16


class StructureAttention(nn.Module):
    """A residual weighted by a map that sees the face at a quarter of the side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(width, width), nn.LeakyReLU(0.2), conv(width, width))
        self.squeeze = conv(width, width // 2, 1)
        self.inner = nn.Sequential(
            conv(width // 2, width // 2), nn.LeakyReLU(0.2), conv(width // 2, width // 2)
        )
        self.map = conv(width // 2, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        residual = self.layers(x)
        small = self.inner(F.avg_pool2d(self.squeeze(residual), 4))
        weight = torch.sigmoid(self.map(F.interpolate(small, scale_factor=4.0, mode="bilinear")))
        return x + residual * weight


class Cooperation(nn.Module):
    """Local-global cooperation: structure attention, then attention among channels."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.local = StructureAttention(width)
        self.before, self.attention = Norm(width), ChannelAttention(width, heads)
        self.between, self.forward_layer = Norm(width), FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        x = self.local(x)
        x = x + self.attention(self.before(x))
        return x + self.forward_layer(self.between(x))


class Refinement(nn.Module):
    """Feature refinement: structure attention, and a weight for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.local = StructureAttention(width)
        self.weigh = nn.Sequential(
            conv(width, width // 4, 1), nn.LeakyReLU(0.2), conv(width // 4, width, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        local = self.local(x)
        return x + local * self.weigh(local.mean((-2, -1), keepdim=True))


class Fusion(nn.Module):
    """Multi-scale fusion: all stages of the encoder, brought to one side, join the decoder."""

    def __init__(self, side: int, widths: dict[int, int]) -> None:
        super().__init__()
        self.side, width = side, widths[side]
        self.take = nn.ModuleDict({str(s): conv(widths[s], width // 2, 1) for s in SIDES})
        self.merge = conv(width + len(SIDES) * (width // 2), width, 1)

    def forward(self, features: Tensor, encoded: dict[int, Tensor]) -> Tensor:
        """`features` (N, width, H, H) and the encoder's by side to (N, width, H, H)."""
        given = [_resized(self.take[str(s)], encoded[s], self.side) for s in SIDES]
        return self.merge(torch.cat([features, *given], 1))


def _resized(layer: nn.Module, x: Tensor, side: int) -> Tensor:
    """`layer` of x at another side, on the smaller of the two."""
    if x.shape[-1] > side:
        return layer(F.avg_pool2d(x, x.shape[-1] // side))
    scale = side / x.shape[-1]
    return F.interpolate(layer(x), scale_factor=scale) if scale > 1 else layer(x)


class CTCNet(nn.Module):
    """The network: `width` features at 128, doubled at each halving; `middle` units at 16.

    Sides that are not in `attention` have structure attention alone.
    """

    def __init__(
        self, width: int = 32, middle: int = 4, attention: tuple[int, ...] = SIDES
    ) -> None:
        super().__init__()
        widths = {128: width, 64: 2 * width, 32: 4 * width, 16: 8 * width}
        heads = {128: 1, 64: 2, 32: 4, 16: 8}

        def unit(side: int) -> nn.Module:
            if side in attention:
                return Cooperation(widths[side], heads[side])
            return StructureAttention(widths[side])

        self.head = conv(3, width)
        self.encode = nn.ModuleDict({str(s): unit(s) for s in SIDES})
        self.down = nn.ModuleDict(
            {str(s): conv(widths[s], widths[s // 2], stride=2) for s in SIDES}
        )
        self.middle = nn.Sequential(
            *(Cooperation(widths[MIDDLE], heads[MIDDLE]) for _ in range(middle)),
            *(Refinement(widths[MIDDLE]) for _ in range(middle)),
        )
        self.up = nn.ModuleDict(
            {
                str(s): nn.Sequential(conv(widths[s // 2], 4 * widths[s], 1), nn.PixelShuffle(2))
                for s in SIDES
            }
        )
        self.fuse = nn.ModuleDict({str(s): Fusion(s, widths) for s in SIDES})
        self.decode = nn.ModuleDict({str(s): unit(s) for s in SIDES})
        self.last = quiet(conv(width, 3))

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        super_resolved = upsample(lr, 8)
        x, encoded = self.head(super_resolved - 0.5), {}
        for side in SIDES:
            encoded[side] = self.encode[str(side)](x)
            x = self.down[str(side)](encoded[side])
        x = self.middle(x)
        for side in reversed(SIDES):
            x = self.fuse[str(side)](self.up[str(side)](x), encoded)
            x = self.decode[str(side)](x)
        return super_resolved + self.last(x).float()


METHOD = Method("ctcnet", "CTCNet", "Gao et al., TIP 2023 (in kind)", CTCNet, False, True)
