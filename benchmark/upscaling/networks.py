"""Which network super-resolves a face: that of the face's size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from benchmark.methods.model import Model, as_method, given_count
from benchmark.protocol.tasks import HR_SIZE, SCALE
from benchmark.upscaling.frame_correction import FrameCorrection, frame_correction
from faceref.errors import FaceRefError

LIMITS = {8: 28, 4: 128}
"""Largest face of each scale: side of its 128x128 frame in pixels of the photograph.

Chosen on val by `reports/scripts/upscale_sizes.py`.
"""


@dataclass(frozen=True, eq=False)
class Network:
    """A network that makes LR faces `scale` times as large."""

    model: nn.Module
    scale: int
    count: int
    """References given for each face."""
    limit: float
    """Largest face that it is for, in pixels."""
    correction: FrameCorrection | None = None
    """Of the frames that a detector finds; None where it is not known which the network expects."""

    @property
    def lr_size(self) -> int:
        """Side of its LR faces in pixels."""
        return HR_SIZE // self.scale

    def provenance(self) -> dict[str, str | int | None]:
        """What its outputs depend on."""
        model = self.model
        return {
            "scale": self.scale,
            "method": model.method.name if isinstance(model, Model) else type(model).__name__,
            "weights_sha256": _sha256(model),
            "references": self.count,
            "frame_correction": self.correction and self.correction.sha256,
        }


def _sha256(model: nn.Module) -> str | None:
    """Of the file of its weights, empty where it has none to learn; None where it has no file."""
    if not isinstance(model, Model):
        return None
    learnt = model.method.trained or model.adaptation is not None
    return None if learnt and not model.sha256 else model.sha256


def scale_of(module: nn.Module) -> int:
    """How many times larger a network makes faces: 8, where it does not say."""
    return getattr(module, "scale", SCALE)


def open_networks(
    modules: Iterable[nn.Module], references: int, device: torch.device
) -> dict[int, Network]:
    """Networks by their scale; raises FaceRefError for two of one scale, or one of no use here."""
    found: dict[int, Network] = {}
    for module in modules:
        scale = scale_of(module)
        if scale not in LIMITS:
            raise FaceRefError(
                f"A network of scale {scale} is of no use to upscale: give one of x8, x4, or both."
            )
        if scale in found:
            raise FaceRefError(f"Two networks of x{scale}: give one of x8, x4, or one of each.")
        model = as_method(module).to(device).eval()
        count = given_count(model, references)
        found[scale] = Network(model, scale, count, LIMITS[scale], _correction_for(model))
    if not found:
        raise FaceRefError("No network: give one of x8, x4, or both.")
    return found


def _correction_for(model: nn.Module) -> FrameCorrection | None:
    """That of the package, where it leads to the frames of the set that `model` was trained on."""
    if not isinstance(model, Model) or not model.method.trained or model.adaptation is not None:
        return None
    known = frame_correction()
    return known if model.facts.get("data_revision") == known.trained_on else None


def choose(size: float, networks: Mapping[int, Network]) -> Network | str:
    """The network for a face of `size` pixels, rounded to a whole number, or why none is."""
    size = round(size)
    fitting = [network for network in networks.values() if size <= network.limit]
    if fitting:
        return min(fitting, key=lambda network: network.limit)
    missing = [scale for scale, limit in LIMITS.items() if size <= limit]
    return f"{size} px: {f'needs weights for x{missing[0]}' if missing else 'sharp already'}"
