"""SPARNet, the published size: face attention units of 32 to 128 features.

Paper: C. Chen, D. Gong, H. Wang, Z. Li, K.-Y. K. Wong, "Learning spatial attention for face
super-resolution", IEEE Trans. on Image Processing 30, 2021.
Origin: re-implemented from the paper, widths and depths as in the authors' configuration (their
code is CC BY-NC-SA and not used here); 10.52 M parameters and 7.1 G multiply-adds, as published.
Differences: the network predicts what the bicubic image, its input, lacks (the paper's predicts the
face).
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import quiet
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample
from benchmark.protocol.tasks import HR_SIZE

SMALLEST = 16
"""Side of the features in the body."""
TURN = 4
"""Side at which the attention's hourglass turns."""


def _scaled(before: int, after: int, scale: str, bias: bool) -> nn.Sequential:
    """A 3x3 convolution that keeps, halves (`down`) or doubles (`up`) the side."""
    up = [nn.Upsample(scale_factor=2)] if scale == "up" else []
    stride = 2 if scale == "down" else 1
    layer = nn.Conv2d(before, after, 3, stride, 1, bias=bias, padding_mode="reflect")
    return nn.Sequential(*up, layer)


def _normal(before: int, after: int, scale: str = "") -> nn.Sequential:
    """Convolution, batch normalisation, leaky ReLU."""
    layer = _scaled(before, after, scale, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.LeakyReLU(0.2))


class Hourglass(nn.Module):
    """One level of the attention branch: a way at full size plus a way through half the size."""

    def __init__(self, depth: int, before: int, width: int) -> None:
        super().__init__()
        self.beside = _normal(before, width)
        self.down = _normal(before, width, "down")
        self.inner = Hourglass(depth - 1, width, width) if depth > 1 else _normal(width, width)
        self.up = _normal(width, width, "up")

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, before, H, W) to (N, width, H, W)."""
        return self.beside(x) + self.up(self.inner(self.down(x)))


class Unit(nn.Module):
    """Face attention unit: a residual block whose residual is weighted by a map in [0, 1]."""

    def __init__(self, before: int, after: int, scale: str, side: int, attention: int) -> None:
        super().__init__()
        same = not scale and before == after
        self.shortcut = nn.Identity() if same else _scaled(before, after, scale, bias=True)
        first, second = (scale, "") if scale == "up" else ("", scale)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(before), nn.LeakyReLU(0.2),
            _normal(before, after, first),
            _scaled(after, after, second, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        depth = (side // TURN).bit_length() - 1
        self.hourglass = Hourglass(depth, after, attention)
        self.map = _scaled(attention, 1, "", bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, before, H, W) to (N, after, H', W')."""
        residual = self.layers(x)
        weight = F.sigmoid(self.map(self.hourglass(residual)))
        return self.shortcut(x) + residual * weight


class SPARNet(nn.Module):
    """The network: down from 128 to 16, a body, and up again.

    Features grow from `least` to `most`; `attention` is the width of the hourglasses.
    """

    def __init__(
        self, least: int = 32, most: int = 128, body: int = 10, attention: int = 64
    ) -> None:
        super().__init__()
        widths = {128 >> k: min(most, least << k) for k in range(4)}
        sides = sorted(widths, reverse=True)
        down = [
            # The attention of a unit that halves has the depth of the units at its output.
            Unit(widths[2 * side], widths[side], "down", side, attention)
            for side in sides[1:]
        ]
        middle = [
            Unit(widths[SMALLEST], widths[SMALLEST], "", SMALLEST, attention) for _ in range(body)
        ]
        up = [
            Unit(widths[side // 2], widths[side], "up", side, attention) for side in (32, 64, 128)
        ]
        self.head = _scaled(3, widths[128], "", bias=True)
        self.body = nn.Sequential(*down, *middle, *up)
        self.last = quiet(nn.Conv2d(widths[128], 3, 3, padding=1, padding_mode="reflect"))

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        super_resolved = upsample(lr, HR_SIZE // lr.shape[-1])
        return super_resolved + self.last(self.body(self.head(super_resolved - 0.5))).float()


METHOD = Method(
    "sparnet", "SPARNet", "Chen et al., TIP 2021", SPARNet, False, True, scales=(4, 8, 16)
)
