"""LR faces super-resolved, one by one or in a photograph, into which they are laid back.

A face is aligned as in the set, shrunk to the 16x16 that methods are trained for, given references
that were found with it alone, super-resolved to 128x128, and laid back into the upsampled image.
Faces that have more pixels than that already are left alone, as they would lose some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.data.faces import as_batch
from benchmark.methods.model import given_count
from benchmark.metrics.score import to_uint8
from benchmark.protocol.degradation import degrade
from benchmark.protocol.tasks import HR_SIZE, LR_SIZE
from benchmark.upscaling.paste import frame_in_image, paste, upsample_image
from faceref.embed.align import align, similarity
from faceref.embed.base import Embedder
from faceref.embed.faces import detect_all
from faceref.errors import FaceRefError
from faceref.images import downsample
from faceref.mining.gallery import FoundReference, Gallery

BATCH = 16
MAX_PIXELS = 100_000_000


@dataclass(frozen=True, eq=False)
class UpscaledFace:
    """One face of an image, and what was made of it."""

    box: tuple[float, ...]
    """Left, top, right, bottom in pixels of the image; empty for a crop."""
    lr: np.ndarray
    """uint8 RGB (16, 16, 3)."""
    super_resolved: np.ndarray | None
    """uint8 RGB (128, 128, 3); None where the face was left alone."""
    references: list[FoundReference] = field(default_factory=list)
    relevance: np.ndarray | None = None
    """Cosine of each cell and its match, (K, 32, 32), where the method says it."""

    def report(self) -> dict[str, Any]:
        """For the JSON beside the images."""
        return {
            "box": [round(float(side), 1) for side in self.box],
            "left_alone": self.super_resolved is None,
            "references": [
                {"image_id": one.image_id, "score": one.score} for one in self.references
            ],
        }


class FaceUpscaler:
    """A model and a gallery of references: LR faces to super-resolved ones."""

    def __init__(
        self, model: nn.Module, gallery: Gallery, references: int, device: torch.device
    ) -> None:
        self.count = given_count(model, references)
        self.model = model.to(device).eval()
        self.gallery, self.device = gallery, device

    def faces(self, lr: np.ndarray, boxes: Sequence[tuple[float, ...]]) -> list[UpscaledFace]:
        """Super-resolve LR faces, uint8 RGB (N, 16, 16, 3), each with its own references."""
        made: list[UpscaledFace] = []
        found = self.gallery.find(lr, self.count)
        for start in range(0, len(lr), BATCH):
            part = slice(start, start + BATCH)
            images, maps = self._run(lr[part], found[part])
            rows = zip(boxes[part], lr[part], images, found[part], maps, strict=True)
            made += [UpscaledFace(*row) for row in rows]
        return made

    @torch.no_grad()
    def _run(
        self, small: np.ndarray, found: Sequence[list[FoundReference]]
    ) -> tuple[np.ndarray, Sequence[np.ndarray | None]]:
        lr = as_batch(np.array(small)).to(self.device)
        count = max((len(each) for each in found), default=0)
        stacked = [as_batch(np.stack([one.image for one in each])) for each in found if each]
        empty = torch.zeros(len(small), 0, 3, HR_SIZE, HR_SIZE)
        refs = (torch.stack(stacked) if count else empty).to(self.device)
        output = to_uint8(self.model(lr, refs).float().cpu().numpy())
        relevance = getattr(self.model, "relevance", None)
        maps = relevance(lr, refs) if relevance is not None and count else None
        return output, [None] * len(small) if maps is None else list(maps.float().cpu().numpy())


def upscale_crop(
    image: np.ndarray, upscaler: FaceUpscaler
) -> tuple[np.ndarray, list[UpscaledFace]]:
    """An aligned face, uint8 RGB (S, S, 3), S at least 16; more pixels are shrunk to 16x16."""
    height, width = image.shape[:2]
    if height != width or width < LR_SIZE:
        raise FaceRefError(
            f"an aligned face must be square and at least {LR_SIZE} pixels wide, got "
            f"{width}x{height}. Leave out --aligned to have faces found."
        )
    faces = upscaler.faces(_small(image)[None], [()])
    super_resolved = faces[0].super_resolved
    assert super_resolved is not None
    return super_resolved, faces


def upscale_photo(
    image: np.ndarray, upscaler: FaceUpscaler, embedder: Embedder, scale: int, force: bool = False
) -> tuple[np.ndarray, list[UpscaledFace]]:
    """A photograph, uint8 RGB (H, W, 3), `scale` times as large with its LR faces enlarged.

    Raises FaceRefError where no face is found or the result would be too large.
    """
    height, width = image.shape[:2]
    if height * width * scale * scale > MAX_PIXELS:
        raise FaceRefError(
            f"{width}x{height} times {scale} is over {MAX_PIXELS:,} pixels. Give a smaller --scale."
        )
    found = detect_all(embedder, image)
    if not found:
        raise FaceRefError("no face found. Try --det-size 640, or --aligned for crops of faces.")
    template = embedder.scheme.template
    tiny = [force or _width_in_image(face.landmarks, template) <= HR_SIZE for face in found]
    chosen = [face for face, small in zip(found, tiny, strict=True) if small]
    small = [_small(align(image, face.landmarks, template)[0]) for face in chosen]
    made = upscaler.faces(
        np.stack(small) if small else np.zeros((0, LR_SIZE, LR_SIZE, 3), np.uint8),
        [face.box for face in chosen],
    )
    upsampled = upsample_image(image, scale)
    for face, one in zip(made, chosen, strict=True):
        assert face.super_resolved is not None
        upsampled = paste(
            upsampled, face.super_resolved, frame_in_image(one.landmarks, template, scale)
        )
    alone = [
        UpscaledFace(face.box, _small(align(image, face.landmarks, template)[0]), None)
        for face, small_enough in zip(found, tiny, strict=True)
        if not small_enough
    ]
    return upsampled, made + alone


def _width_in_image(points: np.ndarray, template: np.ndarray) -> float:
    """Side of the 128x128 frame of a face, in pixels of its image."""
    matrix = similarity(points, template)
    return HR_SIZE / float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _small(face: np.ndarray) -> np.ndarray:
    """The face at 16x16, as the benchmark makes it small."""
    if face.shape[0] == LR_SIZE:
        return face
    if face.shape[0] % LR_SIZE == 0:
        return degrade(face, face.shape[0] // LR_SIZE)
    return downsample(face, LR_SIZE)
