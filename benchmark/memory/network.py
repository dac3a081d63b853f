"""A network with the memory of its errors, as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.memory.cells import CELLS, ERRORS, KNOWN, known, whole
from benchmark.protocol.tasks import HR_SIZE


class ErrorMemory(nn.Module):
    """The error that is to be expected of a network's output.

    Args:
        weights: Of each cell, (CELLS, KNOWN, ERRORS), see `benchmark.memory.regression.learn`.
    """

    def __init__(self, weights: Tensor | None = None) -> None:
        super().__init__()
        given = torch.zeros(CELLS, KNOWN, ERRORS) if weights is None else weights
        self.weights = nn.Parameter(given, requires_grad=False)

    def forward(self, lr: Tensor, output: Tensor) -> Tensor:
        """What to add to a network's output.

        Args:
            lr: LR faces, (N, 3, h, h), float32 RGB in [0, 1].
            output: Of the network, (N, 3, 128, 128), in [0, 1].

        Returns:
            (N, 3, 128, 128).
        """
        left = known(lr, output) @ self.weights
        right = known(lr.flip(3), output.flip(3)) @ self.weights
        return whole(left, right)


class WithMemory(nn.Module):
    """A network that adds the error it expects to what it gives."""

    def __init__(self, network: nn.Module, memory: ErrorMemory) -> None:
        super().__init__()
        self.network, self.memory = network, memory

    def forward(self, lr: Tensor, refs: Tensor | None = None) -> Tensor:
        """As the network is called; what it gives is cut to [0, 1] first."""
        if refs is None:
            refs = lr.new_zeros(len(lr), 0, 3, HR_SIZE, HR_SIZE)
        output = self.network(lr, refs).float().clamp(0, 1)
        return output + self.memory(lr, output)

    def relevance(self, lr: Tensor, refs: Tensor) -> Tensor | None:
        """That of the network, see `benchmark.Model.relevance`."""
        found = getattr(self.network, "relevance", None)
        return None if found is None else found(lr, refs)
