"""A loss for networks that draw detail: L1, LPIPS of AlexNet, and a discriminator."""

from __future__ import annotations

from torch import Tensor

from baselines._adversarial import RAMP, Adversarial
from benchmark.metrics.perceptual import lpips_distance, open_lpips

IDEA = "trained on LPIPS and a discriminator, too"
LPIPS = 0.1
"""What LPIPS counts beside L1; both are then of about the same size."""


class Perceptual(Adversarial):
    """L1 plus `LPIPS` times LPIPS (AlexNet), plus the relativistic loss of a discriminator.

    Judge what it trains by other metrics than LPIPS (AlexNet): by LPIPS (VGG-16), DISTS, identity.
    Raises FaceRefError where the weights of LPIPS are not here: `facebench weights fetch
    alexnet-features`.
    """

    def __init__(self, ramp: int = RAMP) -> None:
        super().__init__(ramp=ramp)
        network, _ = open_lpips("alex")
        self._kept = (network,)
        """In a tuple: weights that do not change are no part of a checkpoint."""

    def forward(self, output: Tensor, hr: Tensor) -> Tensor:
        """The loss of `output` against `hr`, both float32 RGB (N, 3, 128, 128)."""
        (network,) = self._kept
        distance = lpips_distance(network.to(hr.device))(output, hr).mean()
        return super().forward(output, hr) + LPIPS * distance
