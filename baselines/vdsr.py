"""VDSR, the published size: 20 layers of 64 features on the bicubic image.

Paper: J. Kim, J. K. Lee, K. M. Lee, "Accurate image super-resolution using very deep convolutional
networks", CVPR 2016. Origin: re-implemented from the paper, whose own idea the residual on the
bicubic image is. Differences: RGB instead of Y alone, Adam and the leaderboard's budget instead of
clipped SGD, a last layer that starts near zero. Code licence: Apache-2.0 (this project). Weights:
trained by the user.
"""

from __future__ import annotations

from torch import Tensor, nn

from baselines._layers import conv, quiet
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample


class VDSR(nn.Module):
    """The network; `depth` counts all layers."""

    def __init__(self, width: int = 64, depth: int = 20) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(3, width), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [conv(width, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        self.last = quiet(conv(width, 3))

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        super_resolved = upsample(lr, 8)
        return super_resolved + self.last(self.layers(super_resolved - 0.5)).float()


METHOD = Method("vdsr", "VDSR", "Kim et al., CVPR 2016", VDSR, False, True)
