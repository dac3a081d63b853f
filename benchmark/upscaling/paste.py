"""Faces out of a photograph, and super-resolved ones back into it, each in its own window."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from benchmark.protocol.degradation import upsample_bicubic
from benchmark.upscaling.consistency import agree, enlarge
from faceref.embed.align import SIZE, similarity

FEATHER = 12
"""Pixels of the frame over which a face fades into the image."""
MARGIN = 4
"""Pixels of the photograph around a frame: twice what the bicubic kernel reaches."""
MOST_ZOOM = 16
"""A face is enlarged by no more before it is turned upright."""


def upsample_image(image: np.ndarray, scale: int) -> np.ndarray:
    """uint8 RGB (H, W, 3) to (scale H, scale W, 3), by bicubic interpolation; a copy."""
    return upsample_bicubic(image, scale).copy()


def frame_in_image(points: np.ndarray, template: np.ndarray, scale: int) -> np.ndarray:
    """The 2x3 map from the 128x128 frame of a face to the image, enlarged by `scale`.

    `points` (5, 2) are in pixels of the small image. Pixel centres lie at whole numbers.
    """
    matrix = cv2.invertAffineTransform(similarity(points, template))
    return _zoomed(matrix, (0, 0), scale)


def side_in_image(matrix: np.ndarray) -> float:
    """Side of the frame in pixels of the image that `matrix` leads to."""
    return SIZE * float(np.hypot(matrix[0, 0], matrix[1, 0]))


@dataclass(frozen=True)
class Window:
    """Rows and columns of a photograph, those at the end not included."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, matrix: np.ndarray, height: int, width: int) -> Window:
        """The part of a photograph that has the frame of `matrix` in it, with `MARGIN`."""
        last = SIZE - 0.5
        corners = np.array([[[-0.5, -0.5], [last, -0.5], [-0.5, last], [last, last]]])
        placed = cv2.transform(corners, matrix)[0]
        low = np.floor(placed.min(0)).astype(int) - MARGIN
        high = np.ceil(placed.max(0)).astype(int) + MARGIN + 1
        left, top = np.clip(low, 0, [width - 1, height - 1]).tolist()
        right, bottom = np.clip(high, [left + 1, top + 1], [width, height]).tolist()
        return cls(top, left, bottom, right)

    def of(self, image: np.ndarray, scale: int = 1) -> np.ndarray:
        """A view of it in an image that is `scale` times the photograph."""
        return image[scale * self.top : scale * self.bottom, scale * self.left : scale * self.right]

    def matrix(self, matrix: np.ndarray, scale: int) -> np.ndarray:
        """`matrix`, to the photograph, as a map to the window enlarged by `scale`."""
        return _zoomed(matrix, (self.left, self.top), scale)


def cut(photo: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A face in its frame: uint8 RGB (H, W, 3) to float32 RGB (128, 128, 3).

    It is enlarged to about the frame's pixels before it is turned, in the way that loses nothing:
    shrunk again it is the photograph. So it is not clamped to [0, 255].
    """
    window = Window.around(matrix, *photo.shape[:2])
    part = window.of(photo)
    zoom = min(MOST_ZOOM, int(np.ceil(SIZE / side_in_image(matrix))))
    large = enlarge(part, zoom * part.shape[0], zoom * part.shape[1])
    return cv2.warpAffine(
        large,
        window.matrix(matrix, zoom),
        (SIZE, SIZE),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def paste(
    result: np.ndarray, photo: np.ndarray, face: np.ndarray, matrix: np.ndarray, scale: int
) -> None:
    """Lay `face` into `result`, in place; shrunk again the result there is the photograph.

    Args:
        result: uint8 RGB (scale H, scale W, 3), the upsampled photograph.
        photo: uint8 RGB (H, W, 3).
        face: uint8 RGB (128, 128, 3).
        matrix: The map from the frame to `photo`.
        scale: How much larger the result is.
    """
    window = Window.around(matrix, *photo.shape[:2])
    part = window.of(result, scale)
    colours, weight = _laid(face, window.matrix(matrix, scale), part.shape[0], part.shape[1])
    mixed = part + weight * (colours - part)
    part[:] = np.rint(agree(mixed, window.of(photo), weight))


def _laid(
    face: np.ndarray, matrix: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (height, width, 3) and weights (height, width, 1) of a face under `matrix`."""
    side = min(SIZE, max(1, round(side_in_image(matrix))))
    layers = np.dstack([face.astype(np.float32), feathered()])
    if side < SIZE:  # a warp alone would skip pixels
        layers = cv2.resize(layers, (side, side), interpolation=cv2.INTER_AREA)
        step = SIZE / side
        matrix = np.hstack(
            [step * matrix[:, :2], matrix @ np.array([[step / 2 - 0.5], [step / 2 - 0.5], [1]])]
        )
    # The frame's border is black to the warp; colours are taken from a face that goes on.
    colours = cv2.warpAffine(
        layers[..., :3],
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    weight = cv2.warpAffine(layers[..., 3], matrix, (width, height), flags=cv2.INTER_LINEAR)
    return colours, weight[..., None]


def feathered() -> np.ndarray:
    """Weights of the frame, float32 (128, 128): 1 inside, falling to 0 at the border."""
    edge = np.minimum(np.arange(SIZE), np.arange(SIZE)[::-1]).astype(np.float32)
    ramp = np.clip(edge / FEATHER, 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    return np.outer(smooth, smooth).astype(np.float32)


def _zoomed(matrix: np.ndarray, corner: tuple[int, int], scale: int) -> np.ndarray:
    """A map to an image as one to that image from `corner` (x, y) on, enlarged by `scale`."""
    shift = scale * (matrix[:, 2] + 0.5 - np.array(corner)) - 0.5
    return np.column_stack([scale * matrix[:, :2], shift])
