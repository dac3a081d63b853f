"""Bicubic upsampling, the floor of every leaderboard.

Origin: Pillow's bicubic filter (Keys' kernel, a = -0.5), rounded to uint8 as Pillow does.
Code licence: Apache-2.0 (this project). No weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.methods.method import Method
from benchmark.methods.resample import upsample


class Bicubic(nn.Module):
    """Upsamples eight times and uses no reference."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        return upsample(lr, 8).clamp(0, 1)


METHOD = Method("bicubic", "Bicubic", "Keys, IEEE Trans. ASSP 1981", Bicubic, False, False)
