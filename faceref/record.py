"""The record that flows through every stage of a build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Quality:
    """What detection and alignment tell about one face."""

    detector_score: float
    """Confidence of the detector; its scale is the detector's own."""
    eye_distance: float
    """Distance between the eye centres in source pixels."""
    inside: float
    """Fraction of the aligned crop that lies inside the source image, in [0, 1]."""
    faces: int
    """Faces found in the source image; the most central large one is taken."""


@dataclass(frozen=True, slots=True)
class Record:
    """One face on its way from a source to Face_Ref; stages fill the later fields."""

    image_id: str
    """Unique within the source; `identity/file_stem` for folders."""
    source: str
    """Name of the source, such as `folder`."""
    identity: str | None
    """Label of the person; None where the source names nobody."""
    path: Path | None = None
    """File to read, or None where `data` holds its bytes."""
    data: bytes | None = None
    """Encoded source image."""
    sha256: str = ""
    """SHA-256 of the encoded source image, hexadecimal."""
    pixels: np.ndarray | None = None
    """Decoded source image, uint8 RGB, (H, W, 3)."""
    landmarks: np.ndarray | None = None
    """Five points (x, y) in source pixels, float32, (5, 2)."""
    face: np.ndarray | None = None
    """Aligned crop, uint8 RGB, (S, S, 3)."""
    quality: Quality | None = None
    embedding: np.ndarray | None = None
    """L2-normalised identity embedding, float32, (D,)."""
    png: bytes | None = None
    """The aligned crop, losslessly encoded."""
    reject: str | None = None
    """Why this image is not in Face_Ref: `reason` or `reason: detail`."""

    def rejected(self, reason: str, detail: str = "") -> Record:
        """This record with a reason, stripped of its pixels."""
        text = f"{reason}: {detail}" if detail else reason
        return self.having(reject=text, data=None, pixels=None, face=None, png=None)

    def having(self, **changes: Any) -> Record:
        """A copy with `changes`."""
        return replace(self, **changes)
