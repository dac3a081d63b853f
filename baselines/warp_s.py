"""Warp-s: references bent to the face by a learnt flow, the way of same-identity methods.

Papers: X. Li, M. Liu, Y. Ye, W. Zuo, L. Lin, R. Yang, "Learning warped guidance for blind face
restoration", ECCV 2018 (GFRNet: the flow); X. Li, W. Li, D. Ren, H. Zhang, M. Wang, W. Zuo,
"Enhanced blind face restoration with multi-exemplar images and adaptive spatial feature fusion",
CVPR 2020 (ASFFNet: instance normalisation to the face, spatial fusion).
Origin: re-implemented from the papers' descriptions, both in kind. A contrast to matching: one
smooth flow a reference suits another image of the same person. Differences: K references shared
out by a learnt softmax (the papers take one), the flow learns from the L1 loss alone (the papers
have landmarks), a residual on the bicubic image.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._backbone import WIDTHS, Double, Head, Tail, blocks
from baselines._layers import conv, quiet
from baselines._references import SIDES, Pyramid, from_rows, shrink
from baselines._references import WIDTHS as REFERENCE
from benchmark.methods.method import Method
from benchmark.methods.resample import upsample

REACH = 0.5
"""Farthest that the flow may go, as a share of half the image's side."""


class Flow(nn.Module):
    """Where each cell of the face looks in a reference, and how much the reference counts there."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        wide = 2 * width
        self.down = nn.ModuleList(
            [conv(6, width), conv(width, width, stride=2), conv(width, wide, stride=2)]
        )
        self.body = nn.Sequential(conv(wide, wide), nn.LeakyReLU(0.2), conv(wide, wide))
        self.up = nn.ModuleList([conv(wide, width), conv(width, width)])
        self.last = quiet(conv(width, 3))

    def forward(self, face: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """RGB (B, 3, 32, 32) twice to offsets (B, 2, 32, 32) in shares and scores (B, 1024)."""
        x, beside = torch.cat([face, reference], 1) - 0.5, []
        for layer in self.down:
            x = F.leaky_relu(layer(x), 0.2)
            beside.append(x)
        x = x + self.body(x)
        for layer, same in zip(self.up, beside[1::-1], strict=True):
            x = F.leaky_relu(layer(F.interpolate(x, scale_factor=2.0)) + same, 0.2)
        flow, score = self.last(x).float().split([2, 1], 1)
        return REACH * torch.tanh(flow), score.flatten(1)


def warp(images: Tensor, offsets: Tensor) -> Tensor:
    """Images (B, C, H, H) looked at `offsets` (B, 2, 32, 32), x then y, away from each place."""
    side = images.shape[-1]
    place = (torch.arange(side, device=images.device) + 0.5) * (2 / side) - 1
    grid = torch.stack(torch.meshgrid(place, place, indexing="xy"), -1)
    fine = F.interpolate(offsets, size=images.shape[-2:], mode="bilinear").permute(0, 2, 3, 1)
    return F.grid_sample(images, grid + fine, padding_mode="border", align_corners=False)


class Fusion(nn.Module):
    """The reference takes on the face's statistics; a map says where it is let in."""

    def __init__(self, side: int) -> None:
        super().__init__()
        width = WIDTHS[side]
        self.widen = conv(REFERENCE[side], width)
        self.map = nn.Sequential(
            conv(2 * width, width), nn.LeakyReLU(0.2), conv(width, width), nn.Sigmoid()
        )
        self.out = conv(width, width)

    def forward(self, features: Tensor, reference: Tensor) -> Tensor:
        """`features` (N, C, H, H), `reference` (N, REFERENCE[H], H, H); returns (N, C, H, H)."""
        spread, mean = torch.std_mean(features, (-2, -1), correction=0, keepdim=True)
        adapted = F.instance_norm(self.widen(reference)) * spread + mean
        mask = self.map(torch.cat([features, adapted], 1))
        return features + self.out(mask * (adapted - features))


class Warp(nn.Module):
    """The network; `depth` blocks at 16x16."""

    def __init__(self, depth: int = 12) -> None:
        super().__init__()
        self.flow, self.extract = Flow(), Pyramid()
        self.head, self.tail = Head(depth), Tail()
        self.up = nn.ModuleDict({str(s): Double(s) for s in SIDES})
        self.fuse = nn.ModuleDict({str(s): Fusion(s) for s in SIDES})
        self.blocks = nn.ModuleDict({str(s): blocks(WIDTHS[s], 2) for s in SIDES})

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        warped = self._warp(lr, refs) if refs.shape[1] else {}
        features = self.head(lr)
        for side in SIDES:
            features = self.up[str(side)](features)
            if warped:
                features = self.fuse[str(side)](features, warped[side])
            features = self.blocks[str(side)](features)
        return upsample(lr, 8) + self.tail(features).float()

    def _warp(self, lr: Tensor, refs: Tensor) -> dict[int, Tensor]:
        """Features of the warped references, shared out over K, by side."""
        size = refs.shape[:2]
        small = upsample(shrink(refs), 2)
        face = upsample(lr, 2).repeat_interleave(size[1], 0)
        offsets, score = self.flow(face, small)
        share = torch.softmax(score.unflatten(0, size), 1).unsqueeze(-1)
        rows = self.extract(warp(refs.flatten(0, 1), offsets))
        return {
            side: from_rows((share.to(each.dtype) * each.unflatten(0, size)).sum(1), side)
            for side, each in rows.items()
        }


METHOD = Method(
    "warp_s", "Warp-s", "Li et al., ECCV 2018 and CVPR 2020 (in kind)", Warp, True, True
)
