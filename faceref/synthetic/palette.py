"""Colours of skin, hair, irises and things, as linear-light RGB reflectance in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


def linear(srgb: Sequence[float] | Sequence[Sequence[float]] | Array) -> Array:
    """sRGB in [0, 255] to linear light in [0, 1] (IEC 61966-2-1)."""
    c = np.asarray(srgb, dtype=np.float64) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def encode(light: Array) -> Array:
    """Linear light in [0, 1] to uint8 sRGB."""
    c = np.clip(light, 0, 1)
    srgb = np.where(c <= 0.0031308, 12.92 * c, 1.055 * np.maximum(c, 1e-8) ** (1 / 2.4) - 0.055)
    return np.clip(srgb * 255 + 0.5, 0, 255).astype(np.uint8)


SKIN_TONES = linear(
    [
        [246, 216, 196],
        [234, 194, 168],
        [216, 168, 136],
        [190, 136, 102],
        [150, 100, 72],
        [108, 70, 50],
        [74, 48, 36],
    ]
)
"""From fair to dark, evenly spaced in melanin."""

HAIR_COLOURS = {
    "black": linear([18, 15, 14]),
    "dark": linear([42, 29, 22]),
    "brown": linear([78, 52, 34]),
    "light": linear([122, 88, 56]),
    "blond": linear([176, 142, 96]),
    "red": linear([128, 62, 32]),
    "grey": linear([128, 124, 120]),
    "white": linear([190, 187, 181]),
}
IRIS_COLOURS = {
    "dark": linear([48, 28, 17]),
    "brown": linear([82, 48, 24]),
    "hazel": linear([118, 88, 42]),
    "green": linear([94, 116, 72]),
    "blue": linear([98, 132, 166]),
    "grey": linear([124, 134, 140]),
}
LIPSTICKS = linear([[165, 45, 55], [150, 70, 66], [180, 76, 88]])
FRAME_COLOURS = linear([[25, 22, 22], [80, 48, 26], [105, 105, 110]])
MOUTH_CAVITY = linear([120, 45, 42]) * 0.6
STUBBLE = linear([70, 66, 68])
SCLERA = linear([200, 190, 184])
"""Duller than white: the lids shade the eye less than in life."""
