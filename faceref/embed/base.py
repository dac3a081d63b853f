"""The protocol that every embedder follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from faceref.embed.align import Landmarks


@dataclass(frozen=True, eq=False)
class Detection:
    """One face found in an image."""

    box: tuple[float, float, float, float]
    """Left, top, right and bottom in pixels."""
    score: float
    """The detector's confidence, on its own scale."""
    landmarks: np.ndarray
    """Five points (x, y) in pixels, float32, (5, 2)."""


class Embedder(Protocol):
    """Finds faces and turns aligned faces into identity embeddings. Safe to call from threads."""

    @property
    def scheme(self) -> Landmarks:
        """The landmark scheme of its detections."""
        ...

    @property
    def batch_size(self) -> int:
        """Faces that `embed` handles well in one call."""
        ...

    @property
    def det_size(self) -> int | None:
        """Side of the square that `detect` fits an image into; None: it sees images as they are."""
        ...

    def finest(self, pixels: int, /) -> float:
        """Scale up to which `detect` is worth its time in a photograph of so many pixels."""
        ...

    def detect(self, image: np.ndarray) -> Sequence[Detection]:
        """All faces of a uint8 RGB image, (H, W, 3). See also `faceref.embed.faces`."""
        ...

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """L2-normalised float32 embeddings (N, D) of aligned uint8 RGB faces (N, 128, 128, 3)."""
        ...

    def provenance(self) -> dict[str, Any]:
        """What the embeddings depend on: models with their SHA-256, detection size, template."""
        ...


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Rows of `vectors` (N, D) divided by their length, float32; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
