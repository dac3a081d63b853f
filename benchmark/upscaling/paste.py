"""Enlarged faces back into the image that they were taken from."""

from __future__ import annotations

import cv2
import numpy as np

from faceref.embed.align import SIZE, similarity

FEATHER = 12
"""Pixels of the frame over which a face fades into the image."""


def upsample_image(image: np.ndarray, scale: int) -> np.ndarray:
    """uint8 RGB (H, W, 3) to (scale H, scale W, 3), by bicubic interpolation."""
    height, width = image.shape[:2]
    return cv2.resize(image, (scale * width, scale * height), interpolation=cv2.INTER_CUBIC)


def frame_in_image(points: np.ndarray, template: np.ndarray, scale: int) -> np.ndarray:
    """The 2x3 map from the 128x128 frame of a face to the image, enlarged by `scale`.

    `points` (5, 2) are in pixels of the small image. Pixel centres lie at whole numbers.
    """
    matrix = cv2.invertAffineTransform(similarity(points, template))
    matrix[:, 2] += 0.5
    return np.hstack([scale * matrix[:, :2], scale * matrix[:, 2:] - 0.5])


def paste(image: np.ndarray, face: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`image` with `face`, uint8 RGB (128, 128, 3), laid in by the map `matrix`; a copy."""
    height, width = image.shape[:2]
    layers = np.dstack([face.astype(np.float32), feathered()])
    laid = cv2.warpAffine(layers, matrix, (width, height), flags=cv2.INTER_LINEAR)
    weight = laid[..., 3:]
    # The frame's border is black to the warp; colours are taken from a face that goes on.
    colours = cv2.warpAffine(
        face.astype(np.float32),
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    mixed = image.astype(np.float32) * (1 - weight) + colours * weight
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def feathered() -> np.ndarray:
    """Weights of the frame, float32 (128, 128): 1 inside, falling to 0 at the border."""
    edge = np.minimum(np.arange(SIZE), np.arange(SIZE)[::-1]).astype(np.float32)
    ramp = np.clip(edge / FEATHER, 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    return np.outer(smooth, smooth).astype(np.float32)
