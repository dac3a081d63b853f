"""MSRNet: x8 face super-resolution guided by several faces of other people.

A documented reconstruction of "Face hallucination using multisource references and cross-scale dual
residual fusion mechanism" (Wang, Jian, Yu, Wang, Yang; Int. J. of Intelligent Systems 37(11), 2022,
doi 10.1002/int.23024). Only its abstract is public: that references of different identities guide
the network, external and internal ones are fused across scales and space, by dual residuals, with
no face prior and no alignment. All else here (widths, matching, gates, losses) is our choice.

Grids: 16, 32, 64, 128 cells a side, `WIDTHS` features each. A tensor named `rows` holds one row for
each cell of the 32x32 grid: the features of the block of pixels that the cell covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.resample import downsample, upsample

WIDTHS = {16: 64, 32: 64, 64: 32, 128: 16}
GRID = 32
"""Side of the grid on which patches are matched."""
SCALES = (32, 64, 128)


def _conv(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride, size // 2)


class Block(nn.Module):
    """Residual block: convolution, ReLU, convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _conv(width, width), _conv(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return x + self.second(F.relu(self.first(x)))


class Up(nn.Sequential):
    """Doubles the side by sub-pixel convolution (Shi et al., CVPR 2016)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(_conv(before, 4 * after), nn.PixelShuffle(2))


class Encoder(nn.Module):
    """Feature pyramid of an image at 128, 64, 32 and 16, shared by the face and its references."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _conv(3, WIDTHS[128])
        self.block = Block(WIDTHS[64])
        sides = (128, 64, 32, 16)
        self.down = nn.ModuleList(
            _conv(WIDTHS[big], WIDTHS[small], stride=2) for big, small in pairwise(sides)
        )

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """RGB (N, 3, 128, 128) to features by side, (N, WIDTHS[side], side, side)."""
        features = F.leaky_relu(self.head(image - 0.5), 0.2)
        pyramid = {128: features}
        for side, down in zip((64, 32, 16), self.down, strict=True):
            features = F.leaky_relu(down(features), 0.2)
            features = self.block(features) if side == 64 else features
            pyramid[side] = features
        return pyramid


def remap(refs: Tensor, refs_lr: Tensor, lr: Tensor) -> tuple[Tensor, Tensor]:
    """Give references the tone and light of the face: per colour, its mean and deviation at 16x16.

    Takes `refs` (N, K, 3, 128, 128), `refs_lr` (N, K, 3, 16, 16) and `lr` (N, 3, 16, 16); returns
    both reference tensors remapped. The identity where a reference has the face's statistics.
    """
    mean, spread = refs_lr.mean((-2, -1), keepdim=True), refs_lr.std((-2, -1), keepdim=True)
    wanted = lr.unsqueeze(1)
    gain = wanted.std((-2, -1), keepdim=True) / (spread + 1e-4)
    gain = torch.where(spread > 1e-3, gain.clamp(0.25, 4), torch.ones_like(gain))
    shift = wanted.mean((-2, -1), keepdim=True) - mean * gain
    return refs * gain + shift, refs_lr * gain + shift


def to_rows(features: Tensor) -> Tensor:
    """Features (B, C, H, H) as rows of the 32x32 grid, (B, 1024, C * (H / 32)^2)."""
    return F.pixel_unshuffle(features, features.shape[-1] // GRID).flatten(2).transpose(1, 2)


def from_rows(rows: Tensor, side: int) -> Tensor:
    """The inverse of `to_rows`: (B, 1024, C * (side / 32)^2) as features (B, C, side, side)."""
    return F.pixel_shuffle(rows.transpose(1, 2).unflatten(2, (GRID, GRID)), side // GRID)


class Matcher(nn.Module):
    """Finds for each cell of the face the most alike 3x3 patch of each reference.

    Both are compared at the resolution that they share: the face enlarged to 32x32, a reference
    shrunk to 16x16 and enlarged again (after TTSR, Yang et al., CVPR 2020).
    """

    CHANNELS = 16

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            _conv(3, 32), nn.LeakyReLU(0.2), _conv(32, 32), nn.LeakyReLU(0.2),
            _conv(32, self.CHANNELS),
        )  # fmt: skip

    def describe(self, small: Tensor) -> Tensor:
        """RGB (B, 3, 16, 16) to unit patch descriptors, (B, 1024, 144)."""
        features = self.net(upsample(small, 2) - 0.5)
        features = features - features.mean((-2, -1), keepdim=True)
        patches = F.unfold(features, 3, padding=1).transpose(1, 2).float()
        return patches / (patches.norm(dim=-1, keepdim=True) + 1e-3)

    def forward(self, lr: Tensor, refs_lr: Tensor) -> tuple[Tensor, Tensor]:
        """`lr` (N, 3, 16, 16), `refs_lr` (N, K, 3, 16, 16): matched cells and confidence.

        Returns the index of the matched cell, (N, K, 1024) int64, and its cosine, (N, K, 1024).
        """
        count = refs_lr.shape[1]
        query = self.describe(lr)
        keys = self.describe(refs_lr.flatten(0, 1)).unflatten(0, (-1, count))
        with torch.no_grad():
            best = (query.unsqueeze(1) @ keys.transpose(-1, -2)).argmax(-1)
        matched = keys.gather(2, best.unsqueeze(-1).expand(-1, -1, -1, keys.shape[-1]))
        # The product's size is that of the descriptors; the full table needs no gradient.
        return best, (query.unsqueeze(1) * matched).sum(-1)


@dataclass
class External:
    """What the references give, fused over K."""

    features: dict[int, Tensor]
    """By side: (N, WIDTHS[side], side, side)."""
    detail: Tensor
    """High frequencies of RGB times their gates, (N, 3, 128, 128)."""
    gate: Tensor
    """How far `detail` is trusted, in [0, 1], (N, 1, 128, 128)."""
    confidence: Tensor
    """The best cosine over K, (N, 1, 32, 32)."""


class Gather(nn.Module):
    """Brings the matched blocks of all references together by a softmax over K in each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(3.0))
        """Log of the softmax's inverse temperature."""
        self.strictness = nn.Parameter(torch.tensor(2.5))
        """Log of s in the gate exp(-s (1 - cosine)): a perfect match always passes whole."""

    def forward(
        self, pyramid: dict[int, Tensor], detail: Tensor, best: Tensor, cosine: Tensor
    ) -> External:
        """`pyramid` and `detail` of all references (N*K first); `best`, `cosine` (N, K, 1024)."""
        weight = torch.softmax(self.sharpness.exp() * cosine, 1)
        gate = torch.exp(-self.strictness.exp() * (1 - cosine).clamp(min=0))
        fused = {
            side: from_rows(_pick(to_rows(pyramid[side]), best, weight), side) for side in SCALES
        }
        trusted = weight * gate
        high = from_rows(_pick(to_rows(detail), best, trusted), 128)
        total = from_rows(trusted.sum(1).unsqueeze(-1).expand(-1, -1, 16), 128)
        top = cosine.amax(1).view(-1, 1, GRID, GRID)
        return External(fused, high, total, top)


def _pick(rows: Tensor, best: Tensor, weight: Tensor) -> Tensor:
    """Sum over K of rows (N*K, 1024, D) at `best` times `weight`, both (N, K, 1024).

    Returns (N, 1024, D).
    """
    count, size = best.shape[:2], rows.shape[1]
    start = torch.arange(rows.shape[0], device=rows.device).view(*count, 1) * size
    places, shares = ((t.transpose(1, 2).reshape(-1, count[1])) for t in (best + start, weight))
    table = rows.flatten(0, 1)
    summed = F.embedding_bag(places, table, mode="sum", per_sample_weights=shares.to(table.dtype))
    return summed.unflatten(0, (-1, size))


class Internal(nn.Module):
    """Cross-scale attention of the face to itself: a cell at 16 takes up 2x2 blocks of cells.

    Each cell is compared with the face at half its size; what lies there at full size is detail for
    the cell at twice its size (after Mei et al., CVPR 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        width = WIDTHS[16]
        self.query, self.key = _conv(width, width // 2, 1), _conv(width, width // 2, 1)
        self.value = _conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, 64, 16, 16) to (N, 64, 32, 32)."""
        query = self.query(features).flatten(2).transpose(1, 2)
        key = self.key(F.avg_pool2d(features, 2)).flatten(2)
        value = F.pixel_unshuffle(self.value(features), 2).flatten(2).transpose(1, 2)
        attention = torch.softmax(query @ key * query.shape[-1] ** -0.5, -1)
        blocks = (attention @ value).transpose(1, 2).unflatten(2, (16, 16))
        return F.pixel_shuffle(blocks, 2)


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
        self.merge = _conv(2 * width, width)

    def forward(self, content: Tensor, reference: Tensor, confidence: Tensor) -> Tensor:
        """Features (N, width, H, H) twice and S (N, 1, H, H) to features (N, width, H, H)."""
        difference = reference - content
        richer = content + confidence * self.to_content(difference)
        adapted = reference - self.to_reference(difference)
        return content + self.merge(torch.cat([richer, adapted], 1))


class Exchange(nn.Module):
    """Lets the scales of the gathered references tell each other what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleDict(
            {str(side): _conv(WIDTHS[2 * side], WIDTHS[side], stride=2) for side in (32, 64)}
        )
        self.up = nn.ModuleDict(
            {str(side): _conv(WIDTHS[side // 2], WIDTHS[side], 1) for side in (64, 128)}
        )

    def forward(self, features: dict[int, Tensor]) -> dict[int, Tensor]:
        """Features by side in and out, of the same shapes."""
        result = dict(features)
        for side in (32, 64):
            result[side] = result[side] + self.down[str(side)](features[2 * side])
        for side in (64, 128):
            raised = F.interpolate(self.up[str(side)](features[side // 2]), scale_factor=2.0)
            result[side] = result[side] + raised
        return result


class MSRNet(nn.Module):
    """The network. `body` blocks work at 16x16, `blocks` follow each fusion."""

    def __init__(self, body: int = 10, blocks: int = 2) -> None:
        super().__init__()
        self.encoder, self.matcher, self.gather = Encoder(), Matcher(), Gather()
        self.internal, self.exchange = Internal(), Exchange()
        self.head = _conv(3 + WIDTHS[16], WIDTHS[16])
        self.body = nn.Sequential(*(Block(WIDTHS[16]) for _ in range(body)))
        self.up = nn.ModuleDict({str(s): Up(WIDTHS[s // 2], WIDTHS[s]) for s in SCALES})
        self.fusion = nn.ModuleDict({str(s): DualResidualFusion(WIDTHS[s]) for s in SCALES})
        self.blocks = nn.ModuleDict(
            {str(s): nn.Sequential(*(Block(WIDTHS[s]) for _ in range(blocks))) for s in SCALES}
        )
        self.tail = nn.Sequential(_conv(WIDTHS[128] + 4, WIDTHS[128]), nn.LeakyReLU(0.2))
        self.last = _conv(WIDTHS[128], 3)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """`lr` (N, 3, 16, 16) and `refs` (N, K, 3, 128, 128), K from 0 up, RGB in [0, 1].

        Returns (N, 3, 128, 128), not clamped. The order of the references does not matter.
        """
        base = upsample(lr, 8)
        own = self.encoder(base)
        external = self._external(lr, refs) if refs.shape[1] else None
        shallow = self.head(torch.cat([lr - 0.5, own[16]], 1))
        content = shallow + self.body(shallow)
        reference = self.exchange(external.features) if external else {}
        for side in SCALES:
            raised = self.up[str(side)](content) + own[side]
            if side == 32:
                raised = raised + self.internal(content)
            fused = self._fuse(side, raised, reference.get(side), external)
            content = self.blocks[str(side)](fused)
        return self._finish(base, content, external)

    def _external(self, lr: Tensor, refs: Tensor) -> External:
        flat = refs.flatten(0, 1)
        small = downsample(flat, 8).clamp(0, 1).mul(255).round().div(255)
        refs, refs_lr = remap(refs, small.unflatten(0, refs.shape[:2]), lr)
        flat = refs.flatten(0, 1)
        best, cosine = self.matcher(lr, refs_lr)
        detail = flat - upsample(refs_lr.flatten(0, 1), 8)
        return self.gather(self.encoder(flat), detail, best, cosine)

    def _fuse(
        self, side: int, content: Tensor, reference: Tensor | None, external: External | None
    ) -> Tensor:
        if reference is None or external is None:
            ones = torch.ones_like(content[:, :1])
            return self.fusion[str(side)](content, content, ones)
        confidence = external.confidence.clamp(0, 1)
        spread = F.interpolate(confidence, scale_factor=side / GRID) if side > GRID else confidence
        return self.fusion[str(side)](content, reference, spread)

    def _finish(self, base: Tensor, content: Tensor, external: External | None) -> Tensor:
        if external is None:
            detail, gate = torch.zeros_like(base), torch.zeros_like(base[:, :1])
        else:
            detail, gate = external.detail.float(), external.gate.float()
        features = self.tail(torch.cat([content, detail, gate], 1))
        return base + detail + (1 - gate) * self.last(features).float()
