"""Large JPEGs, read no larger than their face needs: that takes a fraction of the time.

The decoder gives a JPEG at 1/2, 1/4 or 1/8 of its size. A face is looked for in what the detector
sees anyway, and then taken from an image that has two pixels for each of its own at least; what is
more, `align` averages. A set that is hydrated makes the same choice, from the landmarks.
"""

from __future__ import annotations

import numpy as np

from faceref.embed.align import align, similarity
from faceref.embed.base import Detection, Embedder
from faceref.embed.faces import ENOUGH, detect_main
from faceref.reading.image import decode, shrink_for
from faceref.record import Record

USUAL = 320
"""Side of a detector's square where it has none of its own."""
CLOSER = 3
"""How much larger than the detector's square an image is read: it may be looked at closer."""
OVER = 2.0
"""Pixels of the image for each of the aligned face, along a side, at least."""


def first_look(det_size: int | None) -> int:
    """Longer side in pixels, at least, of an image in which a face is looked for.

    `det_size`: see `Embedder.det_size`.
    """
    return CLOSER * (det_size or USUAL)


def in_source(points: np.ndarray, shrunk: int) -> np.ndarray:
    """Points (5, 2) of an image at 1/`shrunk` of its size, in pixels of the whole; float32."""
    return points if shrunk == 1 else ((points + 0.5) * shrunk - 0.5).astype(np.float32)


def detect_in(embedder: Embedder, record: Record) -> tuple[Record, list[Detection]]:
    """Faces of a record's image, read in full where none that is large enough was seen in less.

    Returns the record as it was read last, and the faces in pixels of that.

    Raises:
        ModelFailedError: Where the detector fails on this image.
        UnreadableImage: Where the image cannot be read again.
    """
    assert record.pixels is not None
    found = detect_main(embedder, record.pixels)
    if record.shrunk == 1 or any(face.box[2] - face.box[0] >= ENOUGH for face in found):
        return record, found
    assert record.data is not None
    pixels = decode(record.data).pixels
    return record.having(pixels=pixels, shrunk=1, data=None), detect_main(embedder, pixels)


def align_in(record: Record, points: np.ndarray, template: np.ndarray) -> tuple[np.ndarray, float]:
    """`align`, of an image that may have been read at a fraction of its size.

    Where that is too small for this face it is read again, larger.

    Args:
        record: With its pixels, and its data where they are a fraction.
        points: Landmarks (5, 2) in pixels of the source image.
        template: Where they go.

    Returns:
        As of `align`.

    Raises:
        ValueError: As `align` does.
        UnreadableImage: Where the image cannot be read again.
    """
    assert record.pixels is not None
    if record.shrunk == 1:
        return align(record.pixels, points, template)
    assert record.data is not None
    try:
        pixels, shrunk = _large_enough(record, record.data, points, template)
        return align(pixels, (points + 0.5) / shrunk - 0.5, template)
    except ValueError:  # The reason names the size of the image: that of the whole.
        return align(decode(record.data).pixels, points, template)


def _large_enough(
    record: Record, data: bytes, points: np.ndarray, template: np.ndarray
) -> tuple[np.ndarray, int]:
    """Pixels as they were read, or read larger where the face needs that, and by how much less."""
    assert record.pixels is not None
    height, width = (side * record.shrunk for side in record.pixels.shape[:2])
    matrix = similarity(points, template)
    needed = OVER * float(np.hypot(matrix[0, 0], matrix[1, 0])) * max(height, width)
    if shrink_for(width, height, needed) >= record.shrunk:
        return record.pixels, record.shrunk
    found = decode(data, needed)
    return found.pixels, found.shrunk
