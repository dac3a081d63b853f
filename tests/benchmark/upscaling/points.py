"""Landmarks of made photographs."""

import numpy as np

from faceref.embed.align import ARCFACE


def points_of(side: float, left: float, top: float, turn: float = 0.2) -> np.ndarray:
    """Where the template lies in an image, `side` pixels a frame, turned by `turn` radians."""
    scale = side / 128
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return scale * (ARCFACE.template - 64) @ rotation.T + 64 * scale + np.array([left, top])
