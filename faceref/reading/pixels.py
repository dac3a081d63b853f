"""Pixels of any kind, as the 8-bit RGB that people see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

GROUND = 128
"""Grey that transparent images are laid over."""
BAND = 1 << 22
"""Pixels that are converted at a time, so that a large image is held once and not three times."""
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Modes of grey that is not 8-bit."""


def to_rgb(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels (H, W, 3) over the ground and their alpha (H, W), as the file has them."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    if image.mode in _DEEP:
        black, white = _range(image)
        for rows, part in _bands(image):
            pixels[rows] = _eight_bit(np.asarray(part), black, white)[..., None]
        return pixels, None
    if not image.has_transparency_data:
        for rows, part in _bands(image):
            pixels[rows] = np.asarray(part if part.mode == "RGB" else part.convert("RGB"))
        return pixels, None
    alpha = np.empty((height, width), np.uint8)
    for rows, part in _bands(image):
        layers = np.asarray(part.convert("RGBA"))
        alpha[rows] = layers[..., 3]
        share = layers[..., 3:].astype(np.uint16)
        pixels[rows] = (layers[..., :3] * share + GROUND * (255 - share) + 127) // 255
    return pixels, alpha


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """The image in horizontal bands of about `BAND` pixels; a small one is its own band."""
    step = max(1, BAND // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        whole = bottom - top == image.height
        yield slice(top, bottom), image if whole else image.crop((0, top, image.width, bottom))


def _range(image: Image.Image) -> tuple[float, float]:
    """The values of a deep grey image that become black and white, see `decode`."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return 0.0, 65535.0
    found = [values for _, part in _bands(image) if (values := _finite(np.asarray(part))).size]
    if not found:
        return 0.0, 1.0
    low = float(min(values.min() for values in found))
    high = float(max(values.max() for values in found))
    for white in (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0):
        slack = white / 4 if image.mode == "F" else 0.0  # filters overshoot
        if low >= -slack and high <= white + slack:
            return 0.0, white
    return low, high


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _eight_bit(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """uint8 of `values`, of which `black` becomes 0 and `white` 255; NaN is black."""
    scale = 255 / (white - black) if white > black else 0.0
    with np.errstate(all="ignore"):
        scaled = (values.astype(np.float64) - black) * scale
    return np.rint(np.nan_to_num(scaled, nan=0.0).clip(0, 255)).astype(np.uint8)
