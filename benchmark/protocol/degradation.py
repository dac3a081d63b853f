"""How a face becomes small, the same for every method.

`bicubic`: Pillow's antialiased bicubic, rounded to uint8. `realistic`: blur, the same bicubic,
noise and JPEG, of a strength drawn for each image from its id.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmark.protocol.tasks import REALISTIC, SCALE, Realistic
from faceref.errors import unknown_choice

if TYPE_CHECKING:
    from torch import Tensor

DEGRADATIONS = ("bicubic", "realistic")


def degrade(hr: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """uint8 RGB (H, W, 3) to uint8 RGB (H / scale, W / scale, 3), by `bicubic`."""
    return _resize(hr, hr.shape[0] // scale, hr.shape[1] // scale)


def degrade_batch(hr: Tensor, scale: int = SCALE) -> Tensor:
    """The same bytes as `degrade` for uint8 RGB (N, H, W, 3), on the device of `hr`."""
    from benchmark.protocol.exact_resize import shrink

    return shrink(hr, scale)


def degrade_all(
    hr: np.ndarray, image_ids: list[str], degradation: str, scale: int = SCALE
) -> np.ndarray:
    """uint8 RGB (N, H, W, 3) made small by the `degradation` of that name.

    Raises FaceRefError for an unknown one.
    """
    if degradation == "realistic":
        pairs = zip(hr, image_ids, strict=True)
        small = [degrade_realistic(image, image_id, scale) for image, image_id in pairs]
        return np.stack(small) if small else _none(hr, scale)
    if degradation != "bicubic":
        raise unknown_choice("degradation", degradation, DEGRADATIONS)
    import torch

    return degrade_batch(torch.from_numpy(hr), scale).numpy() if len(hr) else _none(hr, scale)


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


def _none(hr: np.ndarray, scale: int) -> np.ndarray:
    return np.zeros((0, hr.shape[1] // scale, hr.shape[2] // scale, 3), np.uint8)
