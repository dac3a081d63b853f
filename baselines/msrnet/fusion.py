"""How MSRNet merges its own content with what references gave, at one scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DualResidualFusion(nn.Module):
    """Merges content c and reference r of one scale.

    c' = c + S F(r - c) is what the reference adds to the content, S its confidence;
    r' = r + G(c - r) is what the content adds to the reference; a convolution merges the two.
    Without references r = c, and both residuals vanish: F and G have no bias.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_content = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.to_reference = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.merge = nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, content: Tensor, reference: Tensor, confidence: Tensor) -> Tensor:
        """Features (N, width, H, H) twice and S (N, 1, H, H) to features (N, width, H, H)."""
        difference = reference - content
        richer = content + confidence * self.to_content(difference)
        adapted = reference - self.to_reference(difference)
        return content + self.merge(torch.cat([richer, adapted], 1))


class Merge(nn.Module):
    """Fusion without residuals between content and reference: both, through one convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.merge = nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, content: Tensor, reference: Tensor, confidence: Tensor) -> Tensor:
        """As `DualResidualFusion`; what is not trusted of the reference is content."""
        blended = content + confidence * (reference - content)
        return content + self.merge(torch.cat([content, blended], 1))


class Alone(nn.Module):
    """What the fusion comes to where there are never references."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.merge = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, content: Tensor, reference: Tensor, confidence: Tensor) -> Tensor:
        """As `DualResidualFusion`."""
        return content + self.merge(content)


class Added(Alone):
    """The fusion of a network without references, plus S F(r - c): what references change.

    F is two convolutions without bias, the second of which starts at zero: a training begins as
    one without references, and for K = 0, where r = c, the network is `Alone`.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, content: Tensor, reference: Tensor, confidence: Tensor) -> Tensor:
        """As `DualResidualFusion`."""
        change = self.second(F.leaky_relu(self.first(reference - content), 0.2))
        return super().forward(content, reference, confidence) + confidence * change


FUSIONS = {"dual": DualResidualFusion, "merge": Merge, "added": Added}
