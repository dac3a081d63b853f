"""Short videos, made on the spot."""

from __future__ import annotations

from pathlib import Path

import cv2

from tests.faceref.fakes import face_image


def film(
    path: Path, frames: int = 6, rate: float = 29.97, size: tuple[int, int] = (96, 64)
) -> Path:
    """An AVI without sound, each frame another image; gives `path`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    for shot in range(frames):
        writer.write(cv2.resize(face_image(0, shot), size))
    writer.release()
    return path
