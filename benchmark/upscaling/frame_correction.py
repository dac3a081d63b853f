"""Brings the frame of a small face to where the networks of the package expect it.

Detectors place the frame of a face of 20 pixels a few pixels aside, too large or turned, and each
detector in its own way. A network was trained on frames of one kind. How far a frame is off can be
seen in it: a linear regression on its grey values at 32x32 says how to move, turn and zoom it, and
a second one does so in the frame that the first has made (supervised descent, Xiong and De la
Torre, CVPR 2013). `reports/scripts/frame_correction.py` fits it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from benchmark.training.export import need_its_sum
from benchmark.upscaling.consistency import shrink
from benchmark.upscaling.paste import cut
from faceref.embed.align import SIZE
from faceref.reading.weights import read_safetensors

FILE = Path(__file__).with_suffix(".safetensors")
SIDE = 32
"""Pixels of a frame in which its place is seen."""
SPREAD = np.array([2.0, 2.0, 0.05, 0.06])
"""By how much frames were off in the fit, standard deviations: pixels of the frame right and down,
logarithm of the zoom, radians."""
MOST = 4
"""Standard deviations beyond which a correction is not believed."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_CENTRE = np.full(2, (SIZE - 1) / 2)


@dataclass(frozen=True, eq=False)
class FrameCorrection:
    """Regressions, applied one after the other."""

    stages: np.ndarray
    """float32 (stages, 32 * 32 + 1, 4): weights of `features` for each number of `moved`."""
    trained_on: str
    """Revision of the Face_Ref whose frames it leads to."""
    sha256: str = ""
    """Of its file."""

    def corrected(self, photo: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """The map from the 128x128 frame of a face to its photograph, corrected.

        Args:
            photo: uint8 RGB (H, W, 3).
            matrix: The map as the detector gives it, (2, 3); see `frame_in_image`.

        Returns:
            The same, (2, 3); as it was where the face would be moved further than is plausible.
        """
        found = matrix
        for stage in self.stages:
            found = chained(found, moved(features(cut(photo, found)) @ stage))
        off = measured(chained(cv2.invertAffineTransform(matrix), found))
        return found if (np.abs(off) <= MOST * SPREAD).all() else matrix


def features(frame: np.ndarray) -> np.ndarray:
    """A frame, RGB (128, 128, 3) or grey (128, 128, 1), as what is regressed on: (1025,)."""
    small = shrink(frame, SIDE, SIDE)
    grey = (small @ _GREY if small.shape[2] == 3 else small).ravel()
    grey = grey - grey.mean()
    return np.append(grey / (grey.std() + 1e-3), 1.0)


def moved(step: np.ndarray) -> np.ndarray:
    """The similarity (2, 3) that moves a frame by `step`, (4,); see `SPREAD`."""
    right, down, zoom, turn = np.asarray(step, np.float64).tolist()
    linear = np.exp(zoom) * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = _CENTRE + np.array([right, down]) - linear @ _CENTRE
    return np.column_stack([linear, shift])


def measured(similarity: np.ndarray) -> np.ndarray:
    """The step, (4,), that `moved` makes to a similarity (2, 3)."""
    cosine, sine = similarity[0, 0], similarity[1, 0]
    shift = similarity[:, :2] @ _CENTRE + similarity[:, 2] - _CENTRE
    return np.array([*shift, np.log(np.hypot(cosine, sine)), np.arctan2(sine, cosine)])


def chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The map (2, 3) that first does what `inner` does, then what `outer` does."""
    return outer @ np.vstack([inner, [0, 0, 1]])


@lru_cache(maxsize=1)
def frame_correction() -> FrameCorrection:
    """That of the package; raises FaceRefError where its file is damaged."""
    digest = need_its_sum(FILE)
    state, facts = read_safetensors(FILE, "Install the package again.")
    return FrameCorrection(state["stages"].numpy(), facts["data_revision"], digest)
