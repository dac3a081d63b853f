"""The record that flows through every stage of a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class Quality:
    """What detection and alignment measure of one face."""

    detector_score: float | None
    """Confidence of the detector, on its own scale; None where the source gave the landmarks."""
    eye_distance: float
    """Distance between the eye centres in source pixels."""
    inside: float
    """Fraction of the aligned crop that lies inside the source image, in [0, 1]."""
    faces: int | None
    """Faces found in the source image; None: not counted. See `stages.find_face` for the choice."""
    sharpness: float | None = None
    """Logarithm of the variance of the Laplacian, see `quality.sharpness`."""
    yaw: float | None = None
    """Degrees; positive where the nose points to the right of the image."""
    pitch: float | None = None
    """Degrees; positive where it points down. Rough: proportions of the face count, too."""
    roll: float | None = None
    """Degrees; positive where the head leans clockwise in the image."""


@dataclass(frozen=True, slots=True)
class Record:
    """One face on its way from a source to Face_Ref; stages fill the later fields."""

    image_id: str
    """Unique within the source; `identity/file_stem` for folders."""
    source: str
    """Name of the source, such as `folder`."""
    identity: str
    """Label of the person; the image id where nobody says who it is."""
    path: Path | None = None
    """File to read, or None where `data` or `blob` has the image."""
    data: bytes | None = None
    """Encoded source image."""
    blob: Blob | None = None
    """Encoded source image inside a larger file, read when asked for."""
    partition: str | None = None
    """Part of the source's own split: `train`, `val` or `test` where it has these."""
    credit: Mapping[str, str] | None = None
    """Whom to credit and on what terms: `author`, `licence`, ... as the source gives them."""
    sha256: str = ""
    """SHA-256 of the encoded source image, hexadecimal."""
    pixels: np.ndarray | None = None
    """Decoded source image, uint8 RGB, (H, W, 3)."""
    landmarks: np.ndarray | None = None
    """Five points (x, y) in pixels of the upright source image, float32, (5, 2).

    Where a source gives them, they are in the order of `align.ARCFACE` and no detector is run."""
    centred: bool = False
    """Whether the image was framed around its subject, as LFW's are: its central face is meant."""
    face: np.ndarray | None = None
    """Aligned crop, uint8 RGB, (S, S, 3)."""
    quality: Quality | None = None
    embedding: np.ndarray | None = None
    """L2-normalised identity embedding, float32, (D,)."""
    png: bytes | None = None
    """The aligned crop, losslessly encoded."""
    thumbnail: bytes | None = None
    """The aligned crop at 16x16, by Pillow's bicubic: the bytes of uint8 RGB (16, 16, 3)."""
    hashes: bytes | None = None
    """Perceptual hashes of the aligned crop and its mirror image, see `duplicates.face_hashes`."""
    reject: str | None = None
    """Why this image is not in Face_Ref: `reason` or `reason: detail`."""

    def encoded(self) -> bytes | None:
        """The bytes of the source image, wherever they lie; raises OSError or ValueError."""
        if self.path is not None:
            return self.path.read_bytes()
        return self.data if self.blob is None else self.blob.read()

    def rejected(self, reason: str, detail: str = "") -> Record:
        """This record with a reason, stripped of its pixels."""
        text = f"{reason}: {detail}" if detail else reason
        return self.having(reject=text, data=None, pixels=None, face=None, png=None)

    def having(self, **changes: Any) -> Record:
        """A copy with `changes`."""
        return replace(self, **changes)


class Blob(Protocol):
    """The bytes of one encoded image."""

    @property
    def size(self) -> int:
        """Bytes that it takes in its file: with the id, what distinguishes two listings."""
        ...

    def read(self) -> bytes:
        """The encoded image; raises OSError or ValueError where it cannot be had."""
        ...
