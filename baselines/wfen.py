"""WFEN: an encoder and decoder that halve and double by wavelets, with attention at three reaches.

Paper: W. Li, H. Guo, X. Liu, K. Liang, J. Hu, Z. Ma, J. Guo, "Efficient face super-resolution via
wavelet-based feature enhancement network", ACM Multimedia 2024.
Origin: re-implemented from the paper's description, WFEN in kind: features are halved by the Haar
transform, high frequencies enhanced by themselves (wavelet feature downsample); in the decoder the
encoder's high frequencies rejoin what was upsampled (wavelet feature upgrade); transformers look
at pixels beside, at windows, and at the whole face (full-domain transformer). Differences: widths,
depths and the inside of the units are ours, so the size is near the authors' 6.80 M parameters and
8.1 G multiply-adds but not theirs; a residual on the bicubic image.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet
from baselines._transformer import ChannelAttention, FeedForward, Norm, depthwise
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample

SIDES = (128, 64, 32)
WINDOW = 8


def haar(x: Tensor) -> tuple[Tensor, Tensor]:
    """Features (B, C, H, W) as low (B, C, H/2, W/2) and high frequencies (B, 3 C, H/2, W/2).

    Orthonormal: `inverse_haar` gives back the features.
    """
    a, b, c, d = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).unbind(2)
    high = torch.cat([a + b - c - d, a - b + c - d, a - b - c + d], 1)
    return (a + b + c + d) / 2, high / 2


def inverse_haar(low: Tensor, high: Tensor) -> Tensor:
    """The inverse of `haar`."""
    rows, columns, cross = high.chunk(3, 1)
    corners = [
        low + rows + columns + cross,
        low + rows - columns - cross,
        low - rows + columns - cross,
        low - rows - columns + cross,
    ]
    return F.pixel_shuffle(torch.stack(corners, 2).flatten(1, 2) / 2, 2)


class Down(nn.Module):
    """Halves the side: high frequencies are enhanced, then both kinds merge."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.enhance = nn.Sequential(
            conv(3 * before, before), nn.LeakyReLU(0.2), conv(before, 3 * before)
        )
        self.merge = conv(4 * before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, before, H, W) to (N, after, H/2, W/2)."""
        low, high = haar(x)
        return self.merge(torch.cat([low, high + self.enhance(high)], 1))


class Up(nn.Module):
    """Doubles the side: the encoder's high frequencies, and low ones that the decoder mends."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.low = conv(before + after, after)
        self.high = nn.Sequential(
            conv(before + 3 * after, after, 1), nn.LeakyReLU(0.2), conv(after, 3 * after)
        )

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """`x` (N, before, H, W), `beside` (N, after, 2 H, 2 W) to (N, after, 2 H, 2 W)."""
        low, high = haar(beside)
        mended = low + self.low(torch.cat([x, low], 1))
        return inverse_haar(mended, high + self.high(torch.cat([x, high], 1)))


class WindowAttention(nn.Module):
    """Attention among the pixels of each 8x8 window."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = conv(width, 3 * width, 1), conv(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        down, right = (side // WINDOW for side in x.shape[2:])
        cut = self.qkv(x).unflatten(3, (right, WINDOW)).unflatten(2, (down, WINDOW))
        parts = cut.unflatten(1, (3, self.heads, -1)).permute(1, 0, 4, 6, 2, 5, 7, 3)
        query, key, value = parts.flatten(5, 6).flatten(1, 3)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        mixed = scores.softmax(-1).to(value.dtype) @ value
        whole = mixed.unflatten(0, (-1, down, right)).unflatten(4, (WINDOW, WINDOW))
        return self.out(
            whole.permute(0, 3, 6, 1, 4, 2, 5).flatten(5, 6).flatten(3, 4).flatten(1, 2)
        )


class FullDomain(nn.Module):
    """Transformer whose attention is the sum of three: beside, in the window, in the whole face."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before, self.between = Norm(width), Norm(width)
        self.local = nn.Sequential(depthwise(width), nn.GELU(), conv(width, width, 1))
        self.regional = WindowAttention(width, heads)
        self.whole = ChannelAttention(width, heads)
        self.perceptron = FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        y = self.before(x)
        x = x + self.local(y) + self.regional(y) + self.whole(y)
        return x + self.perceptron(self.between(x))


class Convolution(nn.Sequential):
    """A convolution in the place of a transformer."""

    def __init__(self, width: int) -> None:
        super().__init__(conv(width, width), nn.LeakyReLU(0.2))


class WFEN(nn.Module):
    """The network: `width` features at 128, doubled at each halving.

    There are `depth` units a stage and `middle` units at 16. Those of the sides in `attention` are
    transformers, the others convolutions.
    """

    def __init__(
        self,
        width: int = 32,
        depth: int = 2,
        middle: int = 3,
        attention: tuple[int, ...] = SIDES,
    ) -> None:
        super().__init__()
        widths = {128: width, 64: 2 * width, 32: 4 * width, 16: 8 * width}
        heads = {128: 1, 64: 2, 32: 4, 16: 8}

        def stage(side: int) -> nn.Sequential:
            if side in attention:
                units = (FullDomain(widths[side], heads[side]) for _ in range(depth))
            else:
                units = (Convolution(widths[side]) for _ in range(depth))
            return nn.Sequential(*units)

        self.head = conv(3, width)
        self.encode = nn.ModuleDict({str(s): stage(s) for s in SIDES})
        self.down = nn.ModuleDict({str(s): Down(widths[s], widths[s // 2]) for s in SIDES})
        self.middle = nn.Sequential(*(FullDomain(widths[16], heads[16]) for _ in range(middle)))
        self.up = nn.ModuleDict({str(s): Up(widths[s // 2], widths[s]) for s in SIDES})
        self.decode = nn.ModuleDict({str(s): stage(s) for s in SIDES})
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
            x = self.decode[str(side)](self.up[str(side)](x, encoded[side]))
        return super_resolved + self.last(x).float()


METHOD = Method("wfen", "WFEN", "Li et al., ACM MM 2024 (in kind)", WFEN, False, True)
