"""SRCNN with few channels: a twentieth of the work, for tests of what is done with a network."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

import baselines.srcnn as srcnn


class Narrow(srcnn.SRCNN):
    """SRCNN with 8 and 4 channels where the paper has 64 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 9, padding=4), nn.ReLU(),
            nn.Conv2d(8, 4, 5, padding=2), nn.ReLU(),
            nn.Conv2d(4, 3, 5, padding=2),
        )  # fmt: skip
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                srcnn._pass_through(layer)


def narrow_srcnn() -> None:
    """Make `srcnn` of this process the narrow one, for good."""
    srcnn.METHOD = NARROW


NARROW = replace(srcnn.METHOD, build=Narrow)
