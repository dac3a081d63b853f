"""Smooth random fields on points in space, and the ramps that shape them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

Array = np.ndarray
LATTICE = 32


def ramp(x: Array | float, low: Array | float, high: Array | float) -> Array:
    """Smooth step from 0 at `low` to 1 at `high` (falling where `low > high`)."""
    t = np.clip((np.asarray(x) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Array, centre: float, width: float) -> Array:
    """Gaussian exp(-((x - centre) / width)^2)."""
    return np.exp(-(((x - centre) / width) ** 2))


@lru_cache(maxsize=64)
def _lattice(seed: int) -> Array:
    values = np.random.default_rng(seed).uniform(-1, 1, (LATTICE,) * 3)
    return np.asarray(spline_filter(values, mode="grid-wrap")).astype(np.float32)


def noise(points: Array, frequency: float, seed: int) -> Array:
    """Cubic value noise, about [-1, 1], of `points` (N, 3) in metres at cycles per metre."""
    at = ((points * frequency) % LATTICE).T
    return 1.5 * map_coordinates(_lattice(seed), at, order=3, mode="grid-wrap", prefilter=False)


def fractal(points: Array, frequency: float, seed: int, octaves: int = 4) -> Array:
    """Sum of `octaves` noises, each of twice the frequency and 0.55 of the amplitude."""
    layers = [0.55**i * noise(points, frequency * 2**i, seed * 31 + i) for i in range(octaves)]
    return np.sum(layers, axis=0)
