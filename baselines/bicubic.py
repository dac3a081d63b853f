"""Bicubic upsampling, the floor of every leaderboard.

Origin: Pillow's bicubic filter (Keys' kernel, a = -0.5), rounded to uint8 as Pillow does.
Code licence: Apache-2.0 (this project). No weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.methods.method import Method
from benchmark.methods.resample import upsample
from benchmark.protocol.tasks import HR_SIZE


class Bicubic(nn.Module):
    """Upsamples to 128x128 and uses no reference."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        return upsample(lr, HR_SIZE // lr.shape[-1]).clamp(0, 1)


METHOD = Method(
    "bicubic",
    "Bicubic",
    "Keys, IEEE Trans. ASSP 1981",
    Bicubic,
    uses_references=False,
    trained=False,
    scales=(4, 8, 16),
)
