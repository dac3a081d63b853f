"""Five-point alignment to the Face_Ref frame, 128x128.

The frame is ArcFace's 112x112 template moved right by 8 pixels, the placement that insightface's
`norm_crop(image_size=128)` uses. So the 112x112 window at (8, 0) of a published image is what an
ArcFace model expects, and embeddings can be computed again from the published images alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIZE = 128
"""Width and height of an aligned face in pixels."""
SHRINK_BELOW = 0.75
"""Scale below which the source is shrunk by area averaging first, so that it does not alias."""

_ARCFACE_112 = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    np.float32,
)
# Mean shape of dlib's five-point predictor (davisking/dlib, get_face_chip_details): the corners of
# the eye on the right of the image, those of the left one, and the base of the nose.
_DLIB_MEAN_SHAPE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ],
    np.float32,
)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """A scheme of five points: what they are and where they go in the frame."""

    name: str
    template: np.ndarray
    """Where the points go: float32 pixels of the frame, (5, 2)."""
    left_eye: tuple[int, ...]
    """Points whose mean is the centre of the eye on the left of the image."""
    right_eye: tuple[int, ...]
    """The same for the eye on the right."""

    def eye_distance(self, points: np.ndarray) -> float:
        """Distance between the eye centres of `points` (5, 2), in their own pixels."""
        left, right = (points[list(eye)].mean(0) for eye in (self.left_eye, self.right_eye))
        return float(np.linalg.norm(right - left))


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 2x3 similarity (scale, rotation, shift) that maps `source` onto `target` best.

    Both are (N, 2). Least squares in closed form, points taken as complex numbers: with both sets
    centred, the factor is sum(conj(s) t) / sum(|s|^2). Raises ValueError where all points of
    `source` coincide.
    """
    s, t = (points.astype(np.float64) @ np.array([1, 1j]) for points in (source, target))
    centred = s - s.mean()
    spread = np.vdot(centred, centred).real
    if spread == 0:
        raise ValueError("all points coincide")
    factor = np.vdot(centred, t - t.mean()) / spread
    shift = t.mean() - factor * s.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def align(image: np.ndarray, points: np.ndarray, template: np.ndarray) -> tuple[np.ndarray, float]:
    """Bring a face to the frame.

    Takes uint8 RGB (H, W, 3) and `points` (5, 2) in its pixels; returns the uint8 RGB face,
    (128, 128, 3), and the fraction of it that lies inside the image, in (0, 1]. What lies outside
    is the image mirrored at its border. Raises ValueError for points that are not finite, that
    coincide, or whose face lies outside of the image: to mirror that far would take minutes.
    """
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is not finite")
    matrix = similarity(points, template)
    height, width = image.shape[:2]
    inside = _inside(matrix, width, height)
    if inside == 0:
        raise ValueError(f"the face that they make lies outside of the image, {width}x{height}")
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < SHRINK_BELOW:
        image, points = _shrink(image, points, scale)
        matrix = similarity(points, template)
    face = cv2.warpAffine(
        image, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return face, inside


def _shrink(image: np.ndarray, points: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    ratio = np.array([new[0] / width, new[1] / height])
    return cv2.resize(image, new, interpolation=cv2.INTER_AREA), (points + 0.5) * ratio - 0.5


def _inside(matrix: np.ndarray, width: int, height: int) -> float:
    back = cv2.invertAffineTransform(matrix)
    axis = np.arange(SIZE)
    within = np.ones((SIZE, SIZE), bool)
    for (along, down, shift), side in zip(back, (width, height), strict=True):
        place = (along * axis + shift) + (down * axis)[:, None]
        within &= (place > -0.5) & (place < side - 0.5)
    return float(within.mean())


def _eyes_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points[[2, 3]].mean(0), points[[0, 1]].mean(0)


def _dlib_template() -> np.ndarray:
    left, right = _eyes_of(_DLIB_MEAN_SHAPE)
    eyes = similarity(np.stack([left, right]), ARCFACE.template[:2])
    return (_DLIB_MEAN_SHAPE @ eyes[:, :2].T + eyes[:, 2]).astype(np.float32)


ARCFACE = Landmarks("arcface5", _ARCFACE_112 + np.array([8, 0], np.float32), (0,), (1,))
"""Left eye, right eye, nose tip, left and right corner of the mouth, as seen in the image."""
DLIB = Landmarks("dlib5", _dlib_template(), (2, 3), (0, 1))
"""dlib's five points, with their eye centres where ArcFace's are."""
SCHEMES = {scheme.name: scheme for scheme in (ARCFACE, DLIB)}


def dlib_chip_matrix(size: int, padding: float) -> np.ndarray:
    """The 2x3 map from the frame to dlib's face chip of `size` pixels with `padding`.

    In a chip a point of the mean shape lies at (padding + p) / (1 + 2 padding) * size.
    """
    chip = (padding + _DLIB_MEAN_SHAPE) / (1 + 2 * padding) * size
    return similarity(DLIB.template, chip)
