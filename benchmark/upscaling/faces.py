"""LR faces super-resolved, one by one or in a photograph, into which they are laid back.

A face is brought to its frame, shrunk to what the network of its size takes, given references that
were found with it alone, super-resolved to 128x128, and laid back into the upsampled image, where
it is made to agree with the photograph, as far as that can be trusted. A face that is too large for
the networks is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from benchmark.data.faces import as_batch, no_references
from benchmark.methods.checks import need_faces, need_range
from benchmark.metrics.score import to_uint8
from benchmark.protocol.tasks import HR_SIZE, LR_SIZE
from benchmark.upscaling.consistency import agree, enlarge, shrink
from benchmark.upscaling.networks import Network, choose
from benchmark.upscaling.paste import (
    Window,
    cut,
    frame_in_image,
    paste,
    side_in_image,
    upsample_image,
)
from benchmark.upscaling.trust import cleaned, doubt
from faceref.embed.base import Embedder
from faceref.embed.faces import detect_all
from faceref.errors import FaceRefError
from faceref.images import resized
from faceref.mining.gallery import FoundReference, Gallery

BATCH = 16
MAX_PIXELS = 100_000_000


class NoFaceError(FaceRefError):
    """A photograph in which no face is found."""


@dataclass(frozen=True, eq=False)
class UpscaledFace:
    """One face of an image, and what was made of it."""

    box: tuple[float, ...]
    """Left, top, right, bottom in pixels of the image; empty for a crop."""
    size: float
    """Side of the 128x128 frame that the face is aligned to, in pixels of the image."""
    scale: int | None = None
    """That of the network: 8 or 4; None where the face was left alone."""
    left_alone: str | None = None
    """Why it was left alone."""
    lr: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    """What the network was given: uint8 RGB (128 / scale, 128 / scale, 3)."""
    super_resolved: np.ndarray | None = None
    """uint8 RGB (128, 128, 3); None where the face was left alone."""
    references: list[FoundReference] = field(default_factory=list)
    explain: Callable[[], np.ndarray | None] = lambda: None
    """Computes `relevance`."""

    @cached_property
    def relevance(self) -> np.ndarray | None:
        """See `benchmark.Model.relevance`, (K, 32, 32), where the method says it."""
        return self.explain()

    def report(self) -> dict[str, Any]:
        """For the JSON beside the images."""
        return {
            "box": [round(float(side), 1) for side in self.box],
            "size": round(self.size, 1),
            "scale": self.scale,
            "left_alone": self.left_alone,
            "references": [
                {"image_id": one.image_id, "score": one.score} for one in self.references
            ],
        }


@dataclass(frozen=True, eq=False)
class Face:
    """A face to super-resolve."""

    box: tuple[float, ...]
    size: float
    frame: np.ndarray
    """Float RGB (128, 128, 3) around [0, 255], with no more detail than the image has."""

    def lr(self, side: int) -> np.ndarray:
        """uint8 RGB (side, side, 3)."""
        return np.rint(shrink(self.frame, side, side).clip(0, 255)).astype(np.uint8)


class FaceUpscaler:
    """Networks by their scale and a gallery of references: LR faces to super-resolved ones."""

    def __init__(
        self,
        networks: Mapping[int, Network],
        gallery: Gallery | Callable[[], Gallery],
        device: torch.device,
    ) -> None:
        """`gallery`, or what opens it when a network is first given references."""
        self.networks, self._gallery, self.device = networks, gallery, device

    @cached_property
    def gallery(self) -> Gallery:
        """Where references are found."""
        return self._gallery() if callable(self._gallery) else self._gallery

    def choose(self, size: float) -> Network | str:
        """The network for a face of `size` pixels, or why none is."""
        return choose(size, self.networks)

    def faces(self, network: Network, faces: Sequence[Face]) -> list[UpscaledFace]:
        """Super-resolve faces, each with its own references."""
        made: list[UpscaledFace] = []
        for start in range(0, len(faces), BATCH):
            part = faces[start : start + BATCH]
            small = np.stack([face.lr(network.lr_size) for face in part])
            found = self._references(part, network.count)
            images = self._run(network, small, found)
            for face, lr, image, references in zip(part, small, images, found, strict=True):
                explain = partial(self._relevance, network, lr, references)
                about = (face.box, face.size, network.scale, None, lr, image, references, explain)
                made.append(UpscaledFace(*about))
        return made

    def _references(self, faces: Sequence[Face], count: int) -> list[list[FoundReference]]:
        if not count:
            return [[] for _ in faces]
        return self.gallery.find(np.stack([face.lr(LR_SIZE) for face in faces]), count)

    @torch.no_grad()
    def _run(
        self, network: Network, small: np.ndarray, found: Sequence[list[FoundReference]]
    ) -> np.ndarray:
        refs = [as_batch(np.stack([one.image for one in each])) for each in found if each]
        stacked = torch.stack(refs) if refs else no_references(found)
        output = network.model(as_batch(small).to(self.device), stacked.to(self.device))
        need_faces(output, (len(small), 3, HR_SIZE, HR_SIZE))
        need_range(output)
        return to_uint8(output.float().cpu().numpy())

    @torch.no_grad()
    def _relevance(
        self, network: Network, small: np.ndarray, found: Sequence[FoundReference]
    ) -> np.ndarray | None:
        relevance = getattr(network.model, "relevance", None)
        if relevance is None or not found:
            return None
        refs = as_batch(np.stack([one.image for one in found]))[None]
        maps = relevance(as_batch(small[None]).to(self.device), refs.to(self.device))
        return None if maps is None else maps[0].float().cpu().numpy()


def upscale_crop(
    image: np.ndarray, upscaler: FaceUpscaler, steps: np.ndarray | None = None
) -> tuple[np.ndarray, list[UpscaledFace]]:
    """An aligned face, uint8 RGB (S, S, 3), S at least 16, at 128x128 or at its own size.

    Shrunk again the result is the crop, as far as that can be trusted (`doubt`, which takes
    `steps`). One that is too large for the networks is upsampled to
    128x128, and given back as it is where it has as many pixels already.
    """
    height, width = image.shape[:2]
    if height != width or width < LR_SIZE:
        raise FaceRefError(
            f"an aligned crop must be square and at least {LR_SIZE} pixels wide, got "
            f"{width}x{height}. Cut it square around the face, and enlarge it where it is smaller; "
            "or leave --aligned out (in Python aligned=True): then faces of about 10 pixels and "
            "more are found."
        )
    network = upscaler.choose(width)
    if isinstance(network, str):
        return _at_least(image, HR_SIZE), [UpscaledFace((), width, left_alone=network)]
    variance = doubt(image, steps)
    image = image if variance is None else cleaned(image, variance)
    faces = upscaler.faces(network, [Face((), width, enlarge(image, HR_SIZE, HR_SIZE))])
    super_resolved = faces[0].super_resolved
    assert super_resolved is not None
    return np.rint(agree(super_resolved, image)).astype(np.uint8), faces


def upscale_photo(
    image: np.ndarray,
    upscaler: FaceUpscaler,
    embedder: Embedder,
    scale: int,
    steps: np.ndarray | None = None,
) -> tuple[np.ndarray, list[UpscaledFace]]:
    """A photograph, uint8 RGB (H, W, 3), `scale` times as large with its LR faces super-resolved.

    Shrunk again the faces are those of the photograph, as far as it can be trusted (`doubt`, which
    takes `steps`).

    Raises NoFaceError where no face is found, FaceRefError where the result would be too large.
    """
    height, width = image.shape[:2]
    if height * width * scale * scale > MAX_PIXELS:
        raise FaceRefError(
            f"{width}x{height} times {scale} is over {MAX_PIXELS:,} pixels. Give a smaller image "
            "or scale."
        )
    found = detect_all(embedder, image)
    if not found:
        raise NoFaceError(
            f"no face found in {width}x{height} pixels. Is it an aligned crop of one face? Then "
            "say so: --aligned, in Python aligned=True. Is it another crop? Then cut it with more "
            "around the face."
        )
    matrices = [frame_in_image(one.landmarks, embedder.scheme.template, 1) for one in found]
    sizes = [side_in_image(matrix) for matrix in matrices]
    chosen = [upscaler.choose(size) for size in sizes]
    matrices = [_corrected(image, *one) for one in zip(matrices, chosen, strict=True)]
    touched = [
        matrix for matrix, one in zip(matrices, chosen, strict=True) if not isinstance(one, str)
    ]
    photo = _trusted(image, touched, steps)
    faces: dict[int, UpscaledFace] = {}
    for network in upscaler.networks.values():
        rows = [row for row, one in enumerate(chosen) if one is network]
        given = [Face(found[row].box, sizes[row], cut(photo, matrices[row])) for row in rows]
        faces |= zip(rows, upscaler.faces(network, given), strict=True)
    result = upsample_image(image, scale)
    for row, why in enumerate(chosen):
        if isinstance(why, str):
            faces[row] = UpscaledFace(found[row].box, sizes[row], left_alone=why)
            continue
        super_resolved = faces[row].super_resolved
        assert super_resolved is not None
        paste(result, photo, super_resolved, matrices[row], scale)
    return result, [faces[row] for row in range(len(found))]


def _corrected(image: np.ndarray, matrix: np.ndarray, network: Network | str) -> np.ndarray:
    """The map from a face's frame, where its network expects that, as far as that is known."""
    if isinstance(network, str) or network.correction is None:
        return matrix
    return network.correction.corrected(image, matrix)


def _trusted(
    image: np.ndarray, matrices: Sequence[np.ndarray], steps: np.ndarray | None
) -> np.ndarray:
    """The photograph, cleaned around the faces where it is noisy or a JPEG."""
    variance = doubt(image, steps) if matrices else None
    if variance is None:
        return image
    photo = image.copy()
    for matrix in matrices:
        window = Window.around(matrix, *image.shape[:2])
        window.of(photo)[:] = cleaned(window.of(image), variance)
    return photo


def _at_least(image: np.ndarray, side: int) -> np.ndarray:
    """A square image, upsampled where it is smaller than `side`."""
    return image if len(image) >= side else resized(image, side)
