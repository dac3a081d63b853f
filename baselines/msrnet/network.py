"""MSRNet: x8 face super-resolution guided by several faces of other people.

A documented reconstruction of "Face hallucination using multisource references and cross-scale dual
residual fusion mechanism" (Wang, Jian, Yu, Wang, Yang; Int. J. of Intelligent Systems 37(11), 2022,
doi 10.1002/int.23024). Only its abstract is public: that references of different identities guide
the network, external and internal ones are fused across scales and space, by dual residuals, with
no face prior and no alignment. All else here (widths, matching, gates, losses) is our choice.

Grids: 16, 32, 64, 128 cells a side, `WIDTHS` features each. `references.py` matches and
gathers references; `Parts` says which parts there are, to take one away and see what it gave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.msrnet.fusion import FUSIONS, Alone
from baselines.msrnet.references import (
    SCALES,
    Encoded,
    External,
    Gather,
    Matcher,
    UnencodedReferences,
    to_neutral,
)
from baselines.msrnet.soft_matching import SoftGather
from benchmark.methods.patches import GRID, downsample_references, remap, to_rows
from benchmark.methods.resample import upsample
from faceref.errors import FaceRefError, unknown_choice

WIDTHS = {16: 64, 32: 64, 64: 32, 128: 16}
TONES = ("face", "neutral", "own")
MATCHINGS = ("hard", "soft")


@dataclass(frozen=True)
class Parts:
    """Which parts an MSRNet has: all by default."""

    external: bool = True
    """References. Without them the network is the one of K = 0, and `refs` are not looked at."""
    internal: bool = True
    """Attention of the face to itself."""
    exchange: bool = True
    """Features are exchanged between the scales of what was gathered."""
    fusion: str = "dual"
    """`dual`: both residuals. `merge`: one convolution of content and reference instead. `added`:
    the network of K = 0, to which references add what they change."""
    tone: str = "face"
    """`face`: references take on the tone of each face. `neutral`: faces and references take on
    one tone, so that references can be encoded once for all faces. `own`: neither is changed."""
    confidence: bool = True
    """The fusion trusts what was found as far as it is similar, by the map S of cosines; without,
    S = 1. Which reference a cell is from is weighed by cosine either way."""
    detail: bool = True
    """Raw high frequencies of references, passed by a gate."""
    reach: int | None = None
    """Cells around its own, of 32x32, in which a cell is matched: faces are aligned. None: any."""
    matching: str = "hard"
    """`hard`: of each reference the most similar cell. `soft`: a weighted mean of all cells near,
    which has a reach of its own."""

    def __post_init__(self) -> None:
        for name, choices in (("tone", TONES), ("fusion", FUSIONS), ("matching", MATCHINGS)):
            if getattr(self, name) not in choices:
                raise unknown_choice(name, getattr(self, name), choices)
        if self.matching == "soft" and self.reach is not None:
            raise FaceRefError(
                f"Soft matching has a reach of its own, and reach={self.reach} was given. Leave it "
                "out, or take matching='hard'."
            )


def _conv(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride, size // 2)


class Block(nn.Module):
    """Residual block: convolution, ReLU, convolution."""

    def __init__(self, width: int, side: int) -> None:
        """The `side` in cells of what it works on makes no difference here."""
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
        self.block = Block(WIDTHS[64], 64)
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


class Exchange(nn.Module):
    """Exchanges features between the scales of the gathered references."""

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

    def __init__(
        self,
        body: int = 10,
        blocks: int = 2,
        parts: Parts | None = None,
        block: Callable[[int, int], nn.Module] = Block,
    ) -> None:
        """`block` makes the blocks from their width and side."""
        super().__init__()
        self.parts = parts = parts or Parts()
        self.encoder = Encoder()
        if parts.external:
            self.matcher = Matcher(parts.reach)
            self.gather = (SoftGather if parts.matching == "soft" else Gather)(parts.detail)
        self.internal = Internal() if parts.internal else None
        self.exchange = Exchange() if parts.external and parts.exchange else nn.Identity()
        self.head = _conv(3 + WIDTHS[16], WIDTHS[16])
        self.body = nn.Sequential(*(block(WIDTHS[16], 16) for _ in range(body)))
        self.up = nn.ModuleDict({str(s): Up(WIDTHS[s // 2], WIDTHS[s]) for s in SCALES})
        fusion = FUSIONS[parts.fusion] if parts.external else Alone
        self.fusion = nn.ModuleDict({str(s): fusion(WIDTHS[s]) for s in SCALES})
        self.blocks = nn.ModuleDict(
            {str(s): nn.Sequential(*(block(WIDTHS[s], s) for _ in range(blocks))) for s in SCALES}
        )
        given = WIDTHS[128] + (4 if parts.external and parts.detail else 0)
        self.tail = nn.Sequential(_conv(given, WIDTHS[128]), nn.LeakyReLU(0.2))
        self.last = _conv(WIDTHS[128], 3)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, lr: Tensor, refs: Tensor | UnencodedReferences | Encoded) -> Tensor:
        """`lr` (N, 3, 16, 16) and `refs` (N, K, 3, 128, 128), K from 0 up, RGB in [0, 1].

        `refs` may also be what `encode_references` made of them. Returns (N, 3, 128, 128), not
        clamped. The order of the references does not matter.
        """
        base = upsample(lr, 8)
        gain, shift = self._own_tone(lr)
        own = self.encoder(base * gain + shift)
        external = self._external(lr * gain + shift, refs)
        shallow = self.head(torch.cat([lr - 0.5, own[16]], 1))
        content = shallow + self.body(shallow)
        reference = self.exchange(external.features) if external else {}
        for side in SCALES:
            raised = self.up[str(side)](content) + own[side]
            if side == 32 and self.internal is not None:
                raised = raised + self.internal(content)
            fused = self._fuse(side, raised, reference.get(side), external)
            content = self.blocks[str(side)](fused)
        return self._finish(base, content, external, gain)

    def encode_references(self, refs: Tensor) -> UnencodedReferences | Encoded:
        """What can be computed of `refs` (N, K, 3, 128, 128) once, for `forward`.

        With the tone `face` that is little, as each face changes what it is given; with the other
        tones it is all, and one gallery serves every face: `encode_references(gallery).take(...)`.
        """
        small = downsample_references(refs)
        if self.parts.tone == "face":
            return UnencodedReferences(refs, small)
        if self.parts.tone == "neutral":
            gain, shift = to_neutral(small)
            refs, small = refs * gain + shift, small * gain + shift
        return self._encode(refs, small)

    def _own_tone(self, lr: Tensor) -> tuple[Tensor | float, Tensor | float]:
        return to_neutral(lr) if self.parts.tone == "neutral" else (1.0, 0.0)

    def _external(
        self, lr: Tensor, refs: Tensor | UnencodedReferences | Encoded
    ) -> External | None:
        count = refs.shape[1] if isinstance(refs, Tensor) else refs.count
        if not self.parts.external or count == 0:
            return None
        encoded = self._encoded(lr, refs)
        if isinstance(self.gather, SoftGather):
            return self.gather(encoded, self.matcher.describe(lr))
        return self.gather(encoded, *self.matcher(lr, encoded.keys))

    def _encoded(self, lr: Tensor, refs: Tensor | UnencodedReferences | Encoded) -> Encoded:
        if isinstance(refs, Tensor):
            refs = self.encode_references(refs)
        if isinstance(refs, UnencodedReferences):
            refs = self._encode(*remap(refs.images, refs.small, lr))
        return refs

    def relevance(self, lr: Tensor, refs: Tensor) -> Tensor:
        """How similar each cell of a face and what it was matched with are, by reference.

        Takes what `forward` takes; returns cosines (N, K, 32, 32).
        """
        gain, shift = self._own_tone(lr)
        face = lr * gain + shift
        cosine = self.matcher(face, self._encoded(face, refs).keys)[1]
        return cosine.unflatten(-1, (GRID, GRID))

    def _encode(self, refs: Tensor, small: Tensor) -> Encoded:
        size, flat = refs.shape[:2], refs.flatten(0, 1)
        keys = self.matcher.describe(small.flatten(0, 1))
        detail = to_rows(flat - upsample(small.flatten(0, 1), 8))
        pyramid = self.encoder(flat)
        rows = {side: to_rows(pyramid[side]).unflatten(0, size) for side in SCALES}
        return Encoded(keys.unflatten(0, size), rows, detail.unflatten(0, size))

    def _fuse(
        self, side: int, content: Tensor, reference: Tensor | None, external: External | None
    ) -> Tensor:
        ones = torch.ones_like(content[:, :1])
        if reference is None or external is None:
            return self.fusion[str(side)](content, content, ones)
        if not self.parts.confidence:
            return self.fusion[str(side)](content, reference, ones)
        confidence = external.confidence.clamp(0, 1)
        spread = F.interpolate(confidence, scale_factor=side / GRID) if side > GRID else confidence
        return self.fusion[str(side)](content, reference, spread)

    def _finish(
        self, base: Tensor, content: Tensor, external: External | None, gain: Tensor | float
    ) -> Tensor:
        """The bicubic image, raw detail, and what is predicted where the gate is shut."""
        if not (self.parts.external and self.parts.detail):
            return base + self.last(self.tail(content)).float()
        if external is None or external.detail is None or external.gate is None:
            detail, gate = torch.zeros_like(base), torch.zeros_like(base[:, :1])
        else:
            detail, gate = external.detail.float() / gain, external.gate.float()
        features = self.tail(torch.cat([content, detail, gate], 1))
        return base + detail + (1 - gate) * self.last(features).float()
