"""Clothes painted on the bust, and glasses as curves."""

from __future__ import annotations

import colorsys

import numpy as np

from faceref.synthetic.head import EYES
from faceref.synthetic.latent import generator
from faceref.synthetic.noise import noise, ramp
from faceref.synthetic.palette import linear
from faceref.synthetic.regions import Regions
from faceref.synthetic.skin import Surface

Array = np.ndarray
CLOTH_THICKNESS = 0.005
CURVE_POINTS = 32


def _cloth_colour(rng: np.random.Generator) -> Array:
    saturation = rng.uniform(0, 0.65)
    rgb = colorsys.hsv_to_rgb(rng.uniform(), saturation, rng.uniform(0.08, 0.9))
    return linear([255 * c for c in rgb])


def dress(points: Array, regions: Regions, key: str, skin: Surface) -> Surface:
    """`skin` with the clothes of the picture `key` on the shoulders."""
    rng = generator(key, "clothes")
    first, second = _cloth_colour(rng), _cloth_colour(rng)
    x, y, _ = points.T
    kind = rng.choice(["plain", "stripes", "checks"], p=[0.5, 0.3, 0.2])
    if kind == "plain":
        pattern = np.zeros(len(points))
    elif kind == "stripes":
        pattern = ramp(np.sin(2 * np.pi * y / rng.uniform(0.012, 0.04)), -0.1, 0.1)
    else:
        checks = np.sin(2 * np.pi * x / 0.03) * np.sin(2 * np.pi * y / 0.03)
        pattern = ramp(checks, -0.1, 0.1)
    weave = 1 + 0.12 * noise(points, 500, 5)
    cloth = (first * (1 - pattern[:, None]) + second * pattern[:, None]) * weave[:, None]
    share = regions.cloth[:, None]
    return Surface(
        skin.colour * (1 - share) + np.clip(cloth, 0.01, 0.9) * share,
        np.where(regions.cloth > 0.5, 0.9, skin.roughness),
        skin.relief * (1 - regions.cloth) + CLOTH_THICKNESS * regions.cloth,
    )


def glasses(vertices: Array, width: float, square: float) -> Array:
    """Frame of a pair of glasses on a head's base `vertices`: curves (5, P, 3) in metres."""
    left, right = (vertices[EYES[side]].mean(axis=0) for side in ("left", "right"))
    rx, ry = 0.0235 + 0.0010 * width, 0.0180 + 0.0015 * square
    front = left[2] + 0.029
    power = 2 / (2.6 + 0.3 * np.clip(square, -1.5, 1.5))
    angle = np.linspace(0, 2 * np.pi, CURVE_POINTS)
    t = np.linspace(0, 1, CURVE_POINTS)
    curves = []
    for eye, side in ((left, 1), (right, -1)):
        across = rx * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
        up = ry * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
        x = eye[0] + side * 0.002 + across
        bent = np.where(np.sign(across) == side, 0.25 * np.abs(across), 0)
        curves.append(np.stack([x, eye[1] - 0.003 + up, front - bent], axis=1))
        hinge = abs(eye[0]) + rx + 0.003
        temple = side * (hinge + t * (0.079 - hinge))
        height = np.full(CURVE_POINTS, eye[1] + 0.001)
        curves.append(np.stack([temple, height, front - 0.006 - 0.09 * t], axis=1))
    x = np.linspace(right[0] + rx - 0.002, left[0] - rx + 0.002, CURVE_POINTS)
    y = left[1] + 0.002 + 0.003 * np.cos(np.linspace(-1.5, 1.5, CURVE_POINTS))
    curves.append(np.stack([x, y, np.full(CURVE_POINTS, front)], axis=1))
    return np.array(curves)
