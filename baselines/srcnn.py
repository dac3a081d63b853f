"""SRCNN, the first convolutional super-resolution network.

Paper: C. Dong, C. C. Loy, K. He, X. Tang, "Image super-resolution using deep convolutional
networks", TPAMI 2016 (9-5-5 variant, f = 64, 32).
Origin: re-implemented from the paper. Differences: RGB in and out instead of Y alone, zero padding
so that the size is kept, and an initial state that passes the bicubic image through (the paper
starts from Gaussian noise and trains for 8e8 back-propagations).
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.methods.method import Method
from benchmark.methods.resample import upsample


class SRCNN(nn.Module):
    """Three convolutions on the bicubic image: patches, mapping, reconstruction."""

    def __init__(self, patches: int = 64, mapping: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, patches, 9, padding=4), nn.ReLU(),
            nn.Conv2d(patches, mapping, 5, padding=2), nn.ReLU(),
            nn.Conv2d(mapping, 3, 5, padding=2),
        )  # fmt: skip
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                _pass_through(layer)

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        return self.layers(upsample(lr, 8))


def _pass_through(layer: nn.Conv2d) -> None:
    """Let the first three channels pass unchanged; the rest starts small and random."""
    nn.init.normal_(layer.weight, std=1e-2)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    centre = layer.kernel_size[0] // 2
    for channel in range(3):
        layer.weight.data[channel] = 0
        layer.weight.data[channel, channel, centre, centre] = 1


METHOD = Method("srcnn", "SRCNN", "Dong et al., TPAMI 2016", SRCNN, False, True)
