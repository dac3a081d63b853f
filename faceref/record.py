"""The record that flows through every stage of a build."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from faceref.errors import UnreadableImage, VanishedError
from faceref.reading.image import read_file, refuse_size, why

_GONE = (
    *(errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO),
    *(errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH),
)
"""Errors of a file that is not where it was, or whose disk or server does not answer."""


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
    shrunk: int = 1
    """By how much each side of `pixels` is smaller than the source image, see `reduced.py`."""
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

    @property
    def size(self) -> int:
        """Bytes of the source image in its file; 0 where it is gone."""
        if self.path is not None:
            with suppress(OSError):
                return self.path.stat().st_size
            return 0
        return len(self.data or b"") if self.blob is None else self.blob.size

    def encoded(self) -> bytes:
        """The bytes of the source image, wherever they lie.

        Raises UnreadableImage, and VanishedError where the source itself has gone since it was
        listed: a set in which all of its images are rejected would be wrong.
        """
        try:
            if self.path is not None:
                return read_file(self.path)
            if self.blob is None:
                return self.data or b""
            refuse_size(self.blob.size)
            return self.blob.read()
        except UnreadableImage as error:
            self._need_there(error.__cause__)
            raise
        except Exception as error:  # archives, Arrow, remote files: each has its own errors
            self._need_there(error)
            raise UnreadableImage(f"cannot be read ({why(error)})") from error

    def _need_there(self, error: BaseException | None) -> None:
        """Raise VanishedError where an image cannot be read since its disk or folder is gone.

        One image that somebody deleted, out of a folder with others, is no more than that.
        """
        file = self.path or getattr(self.blob, "path", None)
        if file is None or not isinstance(error, OSError):
            return
        if error.errno == errno.ENOENT and self.path is not None and _names_in(file.parent):
            return
        if error.errno in _GONE or (error.errno == errno.EIO and _names_in(file.parent) is None):
            raise VanishedError(
                f"{file} was there when the source was listed and is gone: was a disk unplugged, "
                "or a folder moved? Bring it back and give the same command again: it goes on."
            ) from error

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
        """The encoded image; raises where it cannot be had, with a text that names no path."""
        ...


def _names_in(folder: Path) -> list[str] | None:
    """What lies in a folder; None where it cannot be listed."""
    try:
        return os.listdir(folder)
    except OSError:
        return None
