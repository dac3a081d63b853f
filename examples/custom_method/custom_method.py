"""Shuffle, three convolutions and a pixel shuffle: the smallest network worth training.

Paper: the sub-pixel layer is W. Shi et al., CVPR 2016; here it corrects the bicubic image.
Code licence: Apache-2.0. Weights: trained by the user.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark import Method, upsample

SCALE = 8


class Shuffle(nn.Module):
    """Adds to the bicubic image what three convolutions at the small size find."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        last = nn.Conv2d(width, 3 * SCALE**2, 3, padding=1, bias=False)
        nn.init.zeros_(last.weight)  # starts as the bicubic image
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            last,
            nn.PixelShuffle(SCALE),
        )

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """`lr` (N, 3, 16, 16) to (N, 3, 128, 128), RGB in [0, 1]; looks at no reference."""
        return upsample(lr, SCALE) + self.layers(lr)


METHOD = Method(
    name="shuffle",
    title="Shuffle",
    paper="after Shi et al., CVPR 2016",
    build=Shuffle,
    uses_references=False,
    trained=True,
)
