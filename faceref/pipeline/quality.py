"""What can be measured of one aligned face: how sharp it is and how the head is turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from faceref.errors import FaceRefError

INNER = slice(16, 112)
"""Rows and columns of the aligned face on which sharpness is measured: all but its border."""
ARCFACE_HEAD = np.array(
    [[-32, -34, 28], [32, -34, 28], [0, 0, 0], [-26, 34, 22], [26, 34, 22]], np.float64
)
DLIB_HEAD = np.array(
    [[46, -40, 36], [18, -38, 26], [-46, -40, 36], [-18, -38, 26], [0, 8, 6]], np.float64
)
"""Where the points of a scheme lie on a mean head, millimetres from the tip of the nose: right and
down in the image, and away from the camera. Rounded from adult averages (Farkas, 1994)."""
HEADS = {"arcface5": ARCFACE_HEAD, "dlib5": DLIB_HEAD}


@dataclass(frozen=True)
class QualityRule:
    """What a face must have to be in the set; None asks for nothing."""

    min_eye_distance: float = 12.0
    """Source pixels between the eyes."""
    min_inside: float = 0.6
    """Fraction of the aligned face that must lie in the image."""
    min_sharpness: float | None = None
    """See `sharpness`."""
    max_yaw: float | None = None
    """Degrees to either side."""
    min_score: float | None = None
    """Confidence of the detector, on its own scale; faces whose landmarks were given pass."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_eye_distance < math.inf:
            raise FaceRefError(
                f"--min-eye-distance {self.min_eye_distance:g}: pixels, from 0, such as 12."
            )
        if self.min_sharpness is not None and not math.isfinite(self.min_sharpness):
            raise FaceRefError(f"--min-sharpness {self.min_sharpness:g}: a number, such as 1.5.")
        if self.min_score is not None and not 0 <= self.min_score < math.inf:
            raise FaceRefError(f"--min-score {self.min_score:g}: a number from 0, such as 0.6.")
        if not 0 <= self.min_inside <= 1:
            raise FaceRefError(f"--min-inside {self.min_inside:g}: a fraction, from 0 to 1.")
        if self.max_yaw is not None and not 0 < self.max_yaw <= 90:
            raise FaceRefError(f"--max-yaw {self.max_yaw:g}: degrees above 0, at most 90.")


@dataclass(frozen=True, slots=True)
class Pose:
    """How the head is turned against the camera, degrees."""

    yaw: float
    """Positive where the nose points to the right of the image."""
    pitch: float
    """Positive where the nose points down."""
    roll: float
    """Positive where the head leans clockwise in the image."""


def sharpness(face: np.ndarray) -> float:
    """Logarithm to base 10 of the variance of the Laplacian of luma (Pech-Pacheco et al., 2000).

    Takes an aligned face, uint8 RGB (128, 128, 3); what was upsampled or blurred has a low value.
    """
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)[INNER, INNER]
    return float(np.log10(cv2.Laplacian(grey, cv2.CV_64F).var() + 1e-2))


def pose(points: np.ndarray, scheme: str) -> Pose:
    """Pose from five points (5, 2) in pixels of the scheme `arcface5` or `dlib5`.

    Pose from scaled orthography: the least-squares affine map from a mean head to the points, of
    which the nearest rotation is taken (DeMenthon and Davis, IJCV 1995, its first step).
    """
    head = HEADS[scheme]
    solid = head - head.mean(0)
    flat = points.astype(np.float64) - points.mean(0)
    affine = np.linalg.lstsq(solid, flat, rcond=None)[0].T
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    facing = np.cross(rows[0], rows[1])
    nose = -np.stack([rows[0], rows[1], facing])[:, 2]
    yaw = np.arctan2(nose[0], -nose[2])
    pitch = np.arctan2(nose[1], np.hypot(nose[0], nose[2]))
    roll = np.arctan2(rows[1, 0], np.hypot(rows[0, 0], rows[0, 2]))
    return Pose(*(round(float(np.degrees(angle)), 2) for angle in (yaw, pitch, roll)))
