"""How an HR face becomes an LR face, the same for every method.

`bicubic`: Pillow's antialiased bicubic, rounded to uint8. `realistic`: blur, the same bicubic,
noise and JPEG, of a strength drawn for each image from its id.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from benchmark.protocol.tasks import REALISTIC, SCALE, Realistic
from faceref.errors import unknown_choice

DEGRADATIONS = ("bicubic", "realistic")
_AT_A_TIME = 64
"""Faces that one thread degrades before it asks for more."""


def degrade(hr: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """uint8 RGB (H, W, 3) to uint8 RGB (H / scale, W / scale, 3), by `bicubic`."""
    return _resize(hr, hr.shape[0] // scale, hr.shape[1] // scale)


def degrade_all(
    hr: np.ndarray, image_ids: Sequence[str], degradation: str, scale: int = SCALE
) -> np.ndarray:
    """LR faces of HR faces, on all processors.

    Args:
        hr: uint8 RGB, (N, H, W, 3); `scale` divides both sides.
        image_ids: N ids, from which `realistic` draws its strengths.
        degradation: One of `DEGRADATIONS`.
        scale: By how much LR faces are smaller.

    Returns:
        uint8 RGB, (N, H / scale, W / scale, 3).

    Raises:
        FaceRefError: For an unknown degradation.
    """
    if degradation not in DEGRADATIONS:
        raise unknown_choice("degradation", degradation, DEGRADATIONS)
    lr = np.empty((len(hr), hr.shape[1] // scale, hr.shape[2] // scale, 3), np.uint8)

    def fill(start: int) -> None:
        for row in range(start, min(start + _AT_A_TIME, len(hr))):
            realistic = degradation == "realistic"
            lr[row] = (
                degrade_realistic(hr[row], image_ids[row], scale)
                if realistic
                else degrade(hr[row], scale)
            )

    # Pillow and OpenCV let go of the interpreter's lock.
    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, range(0, len(hr), _AT_A_TIME)))
    return lr


def degrade_realistic(
    hr: np.ndarray, image_id: str, scale: int = SCALE, strength: Realistic = REALISTIC
) -> np.ndarray:
    """uint8 RGB (H, W, 3) to uint8 RGB (H / scale, W / scale, 3), as a poor camera would.

    Blur, bicubic, noise, JPEG: the model of "GFP-GAN" (Wang, Li, Zhang, Shan, CVPR 2021), with
    strengths for x8. What is drawn depends on `image_id` and the version of `strength` alone.
    """
    import cv2

    rng = np.random.default_rng(_seed(image_id, strength))
    sigma, noise = rng.uniform(*strength.blur), rng.uniform(*strength.noise)
    quality = int(rng.integers(strength.jpeg[0], strength.jpeg[1] + 1))
    blurred = cv2.GaussianBlur(hr, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    small = degrade(blurred, scale)
    noisy = np.clip(small + rng.normal(0, noise, small.shape), 0, 255)
    return _jpeg(np.rint(noisy).astype(np.uint8), quality)


def upsample_bicubic(lr: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """uint8 RGB (h, w, 3) to uint8 RGB (h * scale, w * scale, 3) by Pillow's bicubic."""
    return _resize(lr, lr.shape[0] * scale, lr.shape[1] * scale)


def _resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def _seed(image_id: str, strength: Realistic) -> int:
    digest = hashlib.sha256(f"realistic@{strength.version}\n{image_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0)
    with Image.open(buffer) as decoded:
        return np.asarray(decoded)
