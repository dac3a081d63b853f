"""A loss that a discriminator teaches, for networks that should look sharp, not score high."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

RAMP = 200
"""Calls over which the share of what the discriminator says grows to its whole."""


class Discriminator(nn.Sequential):
    """Separates HR from super-resolved faces: RGB (N, 3, 128, 128) to one number each, (N, 1)."""

    def __init__(self, width: int = 32) -> None:
        layers: list[nn.Module] = []
        widths = [3, width, 2 * width, 4 * width, 4 * width, 4 * width]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
        # Only differences count, so the number has no bias.
        super().__init__(*layers, nn.Flatten(), nn.Linear(4 * width * 16, 1, bias=False))


def relativistic(wanted: Tensor, other: Tensor) -> Tensor:
    """How far `wanted` is from looking more real than `other` does on average, and the reverse.

    Relativistic average loss (Jolicoeur-Martineau, ICLR 2019), as in ESRGAN (ECCVW 2018).
    """
    more, less = wanted - other.mean(), other - wanted.mean()
    return (F.softplus(-more).mean() + F.softplus(less).mean()) / 2


class Adversarial(nn.Module):
    """L1 plus `weight` times the relativistic loss, whose share grows over the first `ramp` calls.

    Each call while training also takes one step of the discriminator, whose optimiser is part of
    the state, so that a training can be taken up where it stood.
    """

    calls: Tensor

    def __init__(self, weight: float = 5e-3, ramp: int = RAMP, learning_rate: float = 1e-4) -> None:
        super().__init__()
        self.weight, self.ramp = weight, ramp
        self.discriminator = Discriminator()
        self.optimiser = torch.optim.Adam(self.discriminator.parameters(), learning_rate)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def get_extra_state(self) -> dict[str, Any]:
        """State of the discriminator's optimiser."""
        return self.optimiser.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up the state of the discriminator's optimiser."""
        self.optimiser.load_state_dict(state)

    def forward(self, output: Tensor, hr: Tensor) -> Tensor:
        """The loss of `output` against `hr`, both float32 RGB (N, 3, 128, 128)."""
        if self.training:
            self._teach(output.detach(), hr)
            self.calls += 1
        share = min(1.0, self.calls.item() / self.ramp)
        # It judges by a copy: its own gradient is not wanted, and the next call may come, and
        # change its weights, before the gradient of this one is computed.
        weights = {
            name: value.detach().clone() for name, value in self.discriminator.named_parameters()
        }
        fooled = relativistic(
            *(functional_call(self.discriminator, weights, image) for image in (output, hr))
        )
        return F.l1_loss(output, hr) + share * self.weight * fooled

    def _teach(self, output: Tensor, hr: Tensor) -> None:
        loss = relativistic(self.discriminator(hr), self.discriminator(output))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
