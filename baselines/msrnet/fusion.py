"""How MSRNet makes one change of a face of all that its references say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet
from baselines.msrnet.errors import ERRORS, Expected
from baselines.msrnet.trunk import WIDTHS, Output
from benchmark.methods.patches import GRID, from_rows

CONTENT = {32: 48, 64: 16, 128: 8}
"""Features at each side."""


@dataclass(frozen=True)
class Given:
    """What M references gave to N faces."""

    weight: Tensor
    """Which a face has, (N, M)."""
    alike: Tensor
    """Correlation of the LR faces, (N, M)."""
    expected: Expected | None
    gathered: Tensor | None
    """Errors and features by head, (N, 1024, heads (48 + V))."""
    errors: Tensor
    """(M, 1024, 48)."""

    def mean(self, rows: Tensor) -> Tensor:
        """Of rows (M, 1024, C) over each face's references: (N, 1024, C)."""
        share = self.weight / self.weight.sum(1, keepdim=True).clamp(min=1)
        return torch.einsum("nm,mcd->ncd", share, rows)


class DualResidualFusion(nn.Module):
    """Merges content c and reference r of one scale.

    c' = c + S F(r - c) is what the reference adds to the content, S its confidence;
    r' = r + G(c - r) is what the content adds to the reference; a convolution merges the two.
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
        merged = self.merge(torch.cat([richer, adapted], 1))
        return content + F.leaky_relu(merged, 0.2)


class Decoder(nn.Module):
    """From what references gave to what they change, at 32, 64 and 128."""

    def __init__(self, heads: int, values: int, regression: bool, summary: bool) -> None:
        super().__init__()
        self.heads, self.summary = heads, summary
        images = heads + regression + 2 * summary
        rows = images * ERRORS + heads * values
        self.content = nn.ModuleDict(
            {str(side): conv(WIDTHS[side], width, 1) for side, width in CONTENT.items()}
        )
        self.rows = conv(rows, CONTENT[32], 1)
        self.images = nn.ModuleDict(
            {str(side): conv(3 * images, CONTENT[side]) for side in (64, 128)}
        )
        self.fuse = nn.ModuleDict(
            {str(side): DualResidualFusion(width) for side, width in CONTENT.items()}
        )
        self.up = nn.ModuleDict(
            {
                str(side): nn.Sequential(
                    conv(CONTENT[side // 2], 4 * CONTENT[side]), nn.PixelShuffle(2)
                )
                for side in (64, 128)
            }
        )
        self.known = 2 + 2 * regression
        """Numbers that say how far a cell's references can be trusted."""
        self.confidence = conv(self.known, 1, 1)
        width = 2 + 3 * ERRORS * summary
        last = nn.Linear(32, 2 * CONTENT[32])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.whole = nn.Sequential(nn.Linear(width, 32), nn.LeakyReLU(0.2), last)
        self.trust = nn.Parameter(torch.ones(ERRORS)) if regression else None
        """How far the regression is believed at once."""
        self.last = quiet(conv(CONTENT[128], 3))

    def forward(self, output: Output, given: Given) -> Tensor:
        """The change of N faces, in the scale of errors: (N, 3, 128, 128)."""
        rows, images = self._inputs(given)
        count = given.weight.sum(1).clamp(min=1).log()
        trusted = self._confidence(given, count)
        scale, shift = self._modulation(given, count)
        gathered = {32: F.leaky_relu(self.rows(rows), 0.2)}
        for side, shrunk in ((64, F.avg_pool2d(images, 2)), (128, images)):
            gathered[side] = F.leaky_relu(self.images[str(side)](shrunk), 0.2)
        found = None
        for side in CONTENT:
            content = self.content[str(side)](output.features[side])
            if found is not None:
                content = content + self.up[str(side)](found)
            spread = F.interpolate(trusted, scale_factor=side / GRID) if side > GRID else trusted
            found = self.fuse[str(side)](content, gathered[side], spread)
            if side == 32:
                found = found * (1 + scale) + shift
        assert found is not None
        change = self.last(found).float()
        if given.expected is None or self.trust is None:
            return change
        return change + from_rows(given.expected.errors * self.trust, 128)

    def _inputs(self, given: Given) -> tuple[Tensor, Tensor]:
        """Errors and features as maps at 32, and errors as images at 128."""
        errors, more = [], []
        if given.expected is not None:
            errors.append(given.expected.errors)
        if given.gathered is not None:
            each = given.gathered.unflatten(-1, (self.heads, -1))
            errors.append(each[..., :ERRORS].flatten(2))
            more.append(each[..., ERRORS:].flatten(2))
        if self.summary:
            errors += [given.mean(given.errors), given.mean(given.errors.abs())]
        rows = from_rows(torch.cat([*errors, *more], -1), GRID)
        parts = torch.cat(errors, -1).split(ERRORS, -1)
        return rows, torch.cat([from_rows(part, 128) for part in parts], 1)

    def _confidence(self, given: Given, count: Tensor) -> Tensor:
        """S at 32, (N, 1, 32, 32), from K, how alike the references are, and the doubt left."""
        top = given.alike.masked_fill(given.weight == 0, -1).amax(1)
        flat = torch.stack([count, top], 1)[:, :, None, None].expand(-1, -1, GRID, GRID)
        if given.expected is not None:
            expected = torch.cat([given.expected.doubt, given.expected.trust], -1)
            flat = torch.cat([flat, from_rows(expected, GRID)], 1)
        return torch.sigmoid(self.confidence(flat))

    def _modulation(self, given: Given, count: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift of all features, each (N, 48, 1, 1), from the references as a whole."""
        mean_alike = (given.alike * given.weight).sum(1) / given.weight.sum(1).clamp(min=1)
        parts = [torch.stack([count, mean_alike], 1)]
        if self.summary:
            by_place = given.mean(given.errors)
            size = given.mean(given.errors.abs()).mean(1)
            parts += [by_place.mean(1), by_place.abs().mean(1), size]
        found = self.whole(torch.cat(parts, 1))[:, :, None, None]
        scale, shift = found.chunk(2, 1)
        return scale, shift
