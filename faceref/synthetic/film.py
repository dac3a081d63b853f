"""From rendered light to a photograph: light in the skin, exposure, tone curve, grain."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter

from faceref.synthetic.latent import generator
from faceref.synthetic.palette import encode
from faceref.synthetic.shot import Shot

Array = np.ndarray
SCATTER_MM = (1.70, 1.05, 0.80)
"""Blur of red, green and blue light inside the skin, millimetres."""


def scatter(light: Array, albedo: Array, cover: Array, millimetres: float) -> Array:
    """Screen-space diffusion of irradiance inside skin (Jimenez et al. 2009, simplified).

    `light` and `albedo` (S, S, 3) are linear, `cover` (S, S) marks pixels that are all skin and
    `millimetres` is the size of a pixel. Only marked pixels are changed.
    """
    inside = cover.astype(np.float32)
    out = light.copy()
    for channel, width in enumerate(SCATTER_MM):
        irradiance = light[..., channel] / (albedo[..., channel] + 0.02)
        irradiance = np.minimum(irradiance, 1.3 * median_filter(irradiance, 3))
        weight = gaussian_filter(inside, width / millimetres)
        spread = gaussian_filter(irradiance * inside, width / millimetres)
        soft = spread / np.maximum(weight, 1e-3) * (albedo[..., channel] + 0.02)
        bounded = np.minimum(soft, 1.6 * light[..., channel])
        out[..., channel] = np.where(inside > 0, bounded, light[..., channel])
    return out


def develop(light: Array, alpha: Array, background: Array, shot: Shot, melanin: float) -> Array:
    """uint8 RGB of linear `light` (S, S, 3) over `background`, exposed for the skin."""
    size = len(light)
    centre = slice(size // 3, 2 * size // 3)
    middle = float(np.median(light.mean(axis=-1)[centre, centre]))
    wanted = (0.13 + 0.27 * (1 - melanin) ** 1.3) * shot.exposure
    exposed = np.minimum(light * wanted / max(middle, 1e-4), 1.6)
    image = exposed + (1 - alpha[..., None]) * background
    image = gaussian_filter(image, (shot.blur * size / 128,) * 2 + (0,))
    shoulder = 0.7 + 0.3 * (1 - np.exp(-(image - 0.7) / 0.3))
    image = np.where(image > 0.7, shoulder, image) * np.array(shot.white_balance)
    grain = generator(shot.key, "grain").normal(0, shot.grain, image.shape)
    return encode_with(image, grain)


def encode_with(light: Array, grain: Array) -> Array:
    """uint8 sRGB of linear `light` with `grain` (sRGB units in [0, 1]) added after encoding."""
    shown = encode(light).astype(np.float64) + 255 * grain
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)
