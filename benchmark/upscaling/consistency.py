"""What was super-resolved, made to agree with the pixels that it was made from.

An image agrees with a smaller one if Pillow's antialiased bicubic (`benchmark.methods.resample`)
shrinks it to that. Of all changes that bring agreement the least is taken, the pseudo-inverse of
the shrinking ("back-projection", Irani, Peleg, CVGIP 1991, in one step): where the photograph was
made so, no change can move the image away from the truth.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from benchmark.methods.resample import matrix

ROUNDS = 6
"""Repetitions: colours beyond 0 and 255 are cut, and where a face fades out it agrees in part."""


def shrink(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Float (H, W, 3) at (height, width, 3), not rounded."""
    return _both(matrix(image.shape[0], height), image, matrix(image.shape[1], width))


def enlarge(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The least float (height, width, 3) that `shrink` makes to `image`, of the same kind."""
    return _both(_inverse(height, image.shape[0]), image, _inverse(width, image.shape[1]))


def agree(large: np.ndarray, small: np.ndarray, weight: np.ndarray | float = 1.0) -> np.ndarray:
    """`large` changed so that shrunk it is `small`.

    Args:
        large: Float RGB in [0, 255], (H, W, 3).
        small: RGB in [0, 255], (h, w, 3), no side longer than that of `large`.
        weight: How much each pixel may change, in [0, 1], (H, W, 1).

    Returns:
        Float32 RGB in [0, 255], (H, W, 3).
    """
    for _ in range(ROUNDS):
        missing = small - shrink(large, *small.shape[:2])
        large = np.clip(large + weight * enlarge(missing, *large.shape[:2]), 0, 255)
    return large.astype(np.float32)


@lru_cache(maxsize=64)
def _inverse(large: int, small: int) -> np.ndarray:
    """Pseudo-inverse of `matrix(large, small)`: float32 (large, small)."""
    down = matrix(large, small).astype(np.float64)
    return np.linalg.solve(down @ down.T, down).T.astype(np.float32)


def _both(rows: np.ndarray, image: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return columns @ np.tensordot(rows, image.astype(np.float32), 1)
