"""FSRNet: a coarse network, then an encoder and decoder that may look at a facial prior.

Paper: Y. Chen, Y. Tai, X. Liu, C. Shen, J. Yang, "FSRNet: End-to-end learning face super-resolution
with facial priors", CVPR 2018. Origin: re-implemented from the paper: 3 residual blocks before the
coarse image, 12 at half size in the encoder, 3 in the decoder, 64 features. Differences: the prior
branch (two stacked hourglasses) is off unless asked for, as the leaderboards train without
landmarks and parsing maps, and then it learns from the image loss alone; loss on the last image
only; residuals on the bicubic image. Code licence: Apache-2.0 (this project). Weights: trained by
the user.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines._layers import conv, quiet
from benchmark.methods.method import Method, Variant
from benchmark.methods.resample import upsample

PRIORS = 81 + 11
"""Landmark heat maps and parsing maps that the prior branch is made for."""


class Block(nn.Module):
    """Convolution, batch normalisation, ReLU, the first two again, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        return x + self.layers(x)


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width) for _ in range(count)))


class Hourglass(nn.Module):
    """`depth` halvings and back, a residual block beside each (Newell et al., ECCV 2016)."""

    def __init__(self, width: int, depth: int = 4) -> None:
        super().__init__()
        self.beside, self.before, self.after = (Block(width) for _ in range(3))
        self.inner = Hourglass(width, depth - 1) if depth > 1 else Block(width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W) to the same shape."""
        inner = self.after(self.inner(self.before(F.max_pool2d(x, 2))))
        return self.beside(x) + F.interpolate(inner, scale_factor=2.0)


class Prior(nn.Module):
    """Prior estimation: features at half size, hourglasses, maps."""

    def __init__(self, width: int, hourglasses: int) -> None:
        super().__init__()
        self.head = nn.Sequential(conv(3, width, 7, stride=2), nn.BatchNorm2d(width), nn.ReLU())
        self.body = nn.Sequential(
            _blocks(width, 3), *(Hourglass(width) for _ in range(hourglasses))
        )
        self.maps = conv(width, PRIORS, 1)

    def forward(self, coarse: Tensor) -> Tensor:
        """RGB (N, 3, 128, 128) to maps (N, 92, 64, 64)."""
        return self.maps(self.body(self.head(coarse - 0.5)))


class FSRNet(nn.Module):
    """The network; `coarse`, `encoder`, `decoder` count residual blocks, `hourglasses` the prior's.

    Without hourglasses there is no prior branch.
    """

    def __init__(
        self,
        width: int = 64,
        coarse: int = 3,
        encoder: int = 12,
        decoder: int = 3,
        hourglasses: int = 0,
    ) -> None:
        super().__init__()
        self.coarse = nn.Sequential(
            conv(3, width), nn.ReLU(), _blocks(width, coarse), quiet(conv(width, 3))
        )
        self.encoder = nn.Sequential(
            conv(3, width, stride=2), nn.ReLU(), _blocks(width, encoder), conv(width, width)
        )
        self.prior = Prior(2 * width, hourglasses) if hourglasses else None
        given = width + (PRIORS if hourglasses else 0)
        self.decoder = nn.Sequential(
            conv(given, width), nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1), nn.ReLU(),
            _blocks(width, decoder), quiet(conv(width, 3)),
        )  # fmt: skip

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`."""
        super_resolved = upsample(lr, 8)
        coarse = super_resolved + self.coarse(super_resolved - 0.5).float()
        features = self.encoder(coarse - 0.5)
        if self.prior is not None:
            features = torch.cat([features, self.prior(coarse)], 1)
        return coarse + self.decoder(features).float()


def _with_prior() -> FSRNet:
    return FSRNet(hourglasses=2)


METHOD = Method(
    "fsrnet",
    "FSRNet",
    "Chen et al., CVPR 2018 (without prior)",
    FSRNet,
    uses_references=False,
    trained=True,
    variants=(Variant("prior", _with_prior, False, "with the branch of the face prior"),),
)
