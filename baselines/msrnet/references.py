"""What MSRNet takes from references: tone, matching, and the gathering of what was matched.

Faces and references are compared on a grid of 32x32 cells. A tensor of `rows` holds one row for
each cell: the features of the block of pixels that the cell covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.methods.patches import GRID, beyond, from_rows
from benchmark.methods.resample import upsample

SCALES = (32, 64, 128)
NEUTRAL_SPREAD = 0.2
"""Deviation of a colour in the neutral tone, whose mean is 0.5."""


def to_neutral(small: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and shift that bring images to one tone, whatever the face: both (..., 3, 1, 1).

    `small` (..., 3, 16, 16) is the image at 16x16; the neutral image is `image * gain +
    shift`.
    """
    mean, spread = small.mean((-2, -1), keepdim=True), small.std((-2, -1), keepdim=True)
    gain = NEUTRAL_SPREAD / spread.clamp(min=0.02)
    return gain, 0.5 - mean * gain


@dataclass(frozen=True)
class UnencodedReferences:
    """References that must still be given the tone of a face before they are encoded."""

    images: Tensor
    """(N, K, 3, 128, 128)."""
    small: Tensor
    """The same at 16x16."""

    @property
    def count(self) -> int:
        """K."""
        return self.images.shape[1]

    def take(self, places: Tensor) -> UnencodedReferences:
        """From one gallery (N = 1) the references at `places` (N, K) for N faces."""
        return UnencodedReferences(self.images[0][places], self.small[0][places])


@dataclass(frozen=True)
class Encoded:
    """All that a network needs of references, the same for every face."""

    keys: Tensor
    """Descriptors of patches, (N, K, 1024, D)."""
    rows: dict[int, Tensor]
    """Features by side, each (N, K, 1024, ...)."""
    detail: Tensor
    """High frequencies of RGB, (N, K, 1024, 48)."""

    @property
    def count(self) -> int:
        """K."""
        return self.keys.shape[1]

    def take(self, places: Tensor) -> Encoded:
        """From one gallery (N = 1) the references at `places` (N, K) for N faces."""
        rows = {side: rows[0][places] for side, rows in self.rows.items()}
        return Encoded(self.keys[0][places], rows, self.detail[0][places])


class Matcher(nn.Module):
    """Finds for each cell of the face the most similar 3x3 patch of each reference.

    Both are compared at the resolution that they share: the face upsampled to 32x32, a reference
    shrunk to 16x16 and upsampled again (after TTSR, Yang et al., CVPR 2020).
    """

    CHANNELS = 16
    too_far: Tensor | None

    def __init__(self, reach: int | None = None) -> None:
        """`reach`: cells around its own in which a cell may be matched; None: anywhere."""
        super().__init__()
        far = None if reach is None else beyond(reach)
        self.register_buffer("too_far", far, persistent=False)
        self.net = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 32, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, self.CHANNELS, 3, padding=1),
        )  # fmt: skip

    def describe(self, small: Tensor) -> Tensor:
        """RGB (B, 3, 16, 16) to unit patch descriptors, (B, 1024, 144)."""
        features = self.net(upsample(small, 2) - 0.5)
        features = features - features.mean((-2, -1), keepdim=True)
        patches = F.unfold(features, 3, padding=1).transpose(1, 2).float()
        return patches / (patches.norm(dim=-1, keepdim=True) + 1e-3)

    def forward(self, lr: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """`lr` (N, 3, 16, 16), `keys` (N, K, 1024, 144): matched cells and confidence.

        Returns the index of the matched cell, (N, K, 1024) int64, and its cosine, (N, K, 1024).
        """
        query = self.describe(lr)
        with torch.no_grad():
            alike = query.unsqueeze(1) @ keys.transpose(-1, -2)
            if self.too_far is not None:
                alike = alike.masked_fill(self.too_far, -2)
            best = alike.max(-1).indices
        matched = keys.gather(2, best.unsqueeze(-1).expand(-1, -1, -1, keys.shape[-1]))
        # The product's size is that of the descriptors; the full table needs no gradient.
        return best, (query.unsqueeze(1) * matched).sum(-1)


@dataclass(frozen=True)
class External:
    """What the references give, fused over K."""

    features: dict[int, Tensor]
    """By side: (N, width, side, side)."""
    detail: Tensor | None
    """High frequencies of RGB times their gates, (N, 3, 128, 128)."""
    gate: Tensor | None
    """How far `detail` is trusted, in [0, 1], (N, 1, 128, 128)."""
    confidence: Tensor
    """The best cosine over K, (N, 1, 32, 32)."""


class Gather(nn.Module):
    """Brings the matched blocks of all references together by a softmax over K in each cell."""

    def __init__(self, detail: bool = True) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(3.0))
        """Log of the softmax's inverse temperature."""
        self.strictness = nn.Parameter(torch.tensor(2.5)) if detail else None
        """Log of s in the gate exp(-s (1 - cosine)): a perfect match always passes whole."""

    def forward(self, refs: Encoded, best: Tensor, cosine: Tensor) -> External:
        """`best` and `cosine` (N, K, 1024) as the matcher gives them."""
        weight = torch.softmax(self.sharpness.exp() * cosine, 1)
        fused = {
            side: from_rows(_pick(rows, best, weight), side) for side, rows in refs.rows.items()
        }
        high, total = self._detail(refs.detail, best, cosine, weight)
        top = cosine.amax(1).view(-1, 1, GRID, GRID)
        return External(fused, high, total, top)

    def _detail(
        self, detail: Tensor, best: Tensor, cosine: Tensor, weight: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        if self.strictness is None:
            return None, None
        gate = torch.exp(-self.strictness.exp() * (1 - cosine).clamp(min=0))
        trusted = weight * gate
        high = from_rows(_pick(detail, best, trusted), 128)
        return high, from_rows(trusted.sum(1).unsqueeze(-1).expand(-1, -1, 16), 128)


def _pick(rows: Tensor, best: Tensor, weight: Tensor) -> Tensor:
    """Sum over K of rows (N, K, 1024, D) at `best` times `weight`, both (N, K, 1024).

    Returns (N, 1024, D).
    """
    count, size = best.shape[:2], rows.shape[2]
    start = torch.arange(count.numel(), device=rows.device).view(*count, 1) * size
    places, shares = ((t.transpose(1, 2).reshape(-1, count[1])) for t in (best + start, weight))
    table = rows.flatten(0, 2)
    summed = F.embedding_bag(places, table, mode="sum", per_sample_weights=shares.to(table.dtype))
    return summed.unflatten(0, (-1, size))
