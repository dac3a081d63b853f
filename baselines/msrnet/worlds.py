"""Episodes of training: worlds, and who is whose reference.

A world is what one camera, and one kind of face, has in common.

References help where they come from somewhere the network has not been. A training set is one
place; so faces of a batch, which are each other's references, are all brought into another one:
other strengths of detail, by place; other tone and colour; other proportions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.methods.resample import downsample

PLAIN = 0.4
"""Share of batches that stay as they are."""
_GREY = (0.299, 0.587, 0.114)


def draw_world(device: torch.device) -> Callable[[Tensor], Tensor]:
    """A random world, drawn with torch's generator: a function of HR faces (N, 3, 128, 128).

    What it gives has values of 256 levels in [0, 1], as HR faces of a set have.
    """
    if _uniform(0, 1) < PLAIN:
        return lambda hr: hr
    chosen = [part(device) for share, part in _PARTS if _uniform(0, 1) < share]

    def enter(hr: Tensor) -> Tensor:
        for change in chosen:
            hr = change(hr)
        return to_levels(hr)

    return enter


def shrink(hr: Tensor) -> Tensor:
    """HR faces (N, 3, 128, 128) as LR faces (N, 3, 16, 16), as the protocol does but for rounding.

    Pillow rounds between rows and columns, too.
    """
    return to_levels(downsample(hr, hr.shape[-1] // 16))


def draw_references(other: Tensor) -> Tensor:
    """Which faces each face has as references: 1 or 0, (N, N); as many for each, if there are.

    `other` (N, N) is 1 where two faces are of different people.
    """
    count = int(torch.randint(1, max(2, len(other)), ()))
    drawn = torch.rand(other.shape).to(other.device).masked_fill(other == 0, 2)
    return ((drawn.argsort(1).argsort(1) < count) & (other > 0)).float()


def to_levels(images: Tensor) -> Tensor:
    """Values of 256 levels in [0, 1]."""
    return images.clamp(0, 1).mul(255).round().div(255)


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()


def _field(channels: int, cells: int, device: torch.device) -> Tensor:
    """Smooth random maps of about unit deviation, (1, channels, 128, 128)."""
    coarse = torch.randn(1, channels, cells, cells).to(device)
    return F.interpolate(coarse, size=(128, 128), mode="bicubic", align_corners=False)


def _detail(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Two bands of detail, stronger or weaker, evenly and by place."""
    fine = _uniform(-1.2, 0.9) + _uniform(0, 0.5) * _field(1, 6, device)
    middle = _uniform(-0.7, 0.5) + _uniform(0, 0.4) * _field(1, 6, device)
    fine, middle = fine.clamp(-1.5, 1.1).exp(), middle.clamp(-1, 0.8).exp()

    def change(hr: Tensor) -> Tensor:
        soft, softer = _blur(hr, 1.0), _blur(hr, 2.2)
        return softer + middle * (soft - softer) + fine * (hr - soft)

    return change


def _tone(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Gamma, contrast, brightness."""
    gamma, contrast = (torch.tensor(_uniform(-s, s)).exp().item() for s in (0.45, 0.3))
    shift = _uniform(-0.08, 0.08)
    return lambda hr: (hr.clamp(1e-4, 1) ** gamma - 0.5) * contrast + 0.5 + shift


def _colour(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Saturation and the balance of colours."""
    saturation = _uniform(0, 1.6)
    gains = torch.empty(1, 3, 1, 1).uniform_(0.85, 1.15).to(device)
    weights = torch.tensor(_GREY, device=device).view(1, 3, 1, 1)

    def change(hr: Tensor) -> Tensor:
        grey = (hr * weights).sum(1, keepdim=True)
        return (grey + saturation * (hr - grey)) * gains

    return change


def _shape(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Other proportions, and another way to align: one smooth shift of places for all faces."""
    line = (torch.arange(128, device=device) + 0.5) / 64 - 1
    across = line.expand(128, 128)
    place = torch.stack([across, across.T], -1)
    zoom = torch.empty(2).uniform_(-0.08, 0.08).to(device)
    shift = torch.empty(2).uniform_(-0.04, 0.04).to(device)
    bend = _uniform(0, 0.03) * _field(2, 5, device)[0].permute(1, 2, 0)
    grid = (place * (1 + zoom) + shift + bend).unsqueeze(0)

    def change(hr: Tensor) -> Tensor:
        everywhere = grid.expand(len(hr), -1, -1, -1)
        return F.grid_sample(
            hr, everywhere, "bicubic", padding_mode="reflection", align_corners=False
        )

    return change


def _paint(device: torch.device) -> Callable[[Tensor], Tensor]:
    """What all faces of a place have alike: a faint image on each, coarse and fine."""
    strength = _uniform(0, 0.04)
    fine = _field(1, 48, device) * _field(1, 5, device)
    paint = strength * (fine + 0.3 * _field(3, 12, device))
    return lambda hr: hr + paint


def _blur(images: Tensor, sigma: float) -> Tensor:
    """Blurred by a Gaussian of `sigma` pixels."""
    reach = int(3 * sigma + 0.5)
    line = torch.arange(-reach, reach + 1, dtype=torch.float32, device=images.device)
    kernel = torch.exp(-line.square() / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    flat = images.flatten(0, 1).unsqueeze(1)
    flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1))
    flat = F.conv2d(F.pad(flat, (0, 0, reach, reach), mode="reflect"), kernel.view(1, 1, -1, 1))
    return flat.view_as(images)


_PARTS = ((0.6, _shape), (0.75, _detail), (0.3, _paint), (0.5, _tone), (0.4, _colour))
"""How often a world has each, in the order in which they are done."""
