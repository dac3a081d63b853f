"""Out-of-focus backgrounds: walls, rooms, lights and landscapes."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from faceref.synthetic.latent import generator
from faceref.synthetic.noise import ramp
from faceref.synthetic.palette import linear

Array = np.ndarray


def _colour(rng: np.random.Generator, saturation: float = 0.4) -> Array:
    """A muted random colour, linear RGB."""
    value, grey = rng.uniform(0.12, 0.95), saturation * rng.uniform() ** 1.5
    rgb = colorsys.hsv_to_rgb(rng.uniform(), grey, value)
    return linear([255 * c for c in rgb])


def _grid(size: int) -> tuple[Array, Array]:
    rows, columns = np.mgrid[:size, :size] / size
    return rows[..., None], columns[..., None]


def _clouds(rng: np.random.Generator, size: int) -> Array:
    field: Array = np.zeros((size, size))
    for octave in range(4):
        cells = 2 ** (octave + 2)
        grid = rng.normal(size=(cells, cells))
        field = (
            field + 0.6**octave * zoom(grid, size / cells, order=3, mode="nearest")[:size, :size]
        )
    return ramp(field, -1.2, 1.2)[..., None]


def _wall(rng: np.random.Generator, size: int) -> Array:
    rows, columns = _grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    t = np.clip(0.5 + (rows - 0.5) * np.sin(angle) + (columns - 0.5) * np.cos(angle), 0, 1)
    colour = _colour(rng)
    return colour * (1 - t) + colour * rng.uniform(0.4, 0.9) * t


def _room(rng: np.random.Generator, size: int) -> Array:
    rows, columns = _grid(size)
    image = np.ones((size, size, 3)) * _colour(rng)
    for _ in range(rng.integers(4, 14)):
        top, left = rng.uniform(-0.3, 1, 2)
        height, width = rng.uniform(0.1, 1.0), rng.uniform(0.05, 0.4)
        inside = (rows > top) & (rows < top + height) & (columns > left) & (columns < left + width)
        image = np.where(inside, _colour(rng, 0.6), image)
    return image


def _lamps(rng: np.random.Generator, size: int) -> Array:
    rows, columns = _grid(size)
    image = np.ones((size, size, 3)) * _colour(rng) * 0.4
    for _ in range(rng.integers(6, 20)):
        y, x = rng.uniform(-0.1, 1.1, 2)
        radius = rng.uniform(0.04, 0.2)
        disc = ramp(np.hypot(columns - x, rows - y), radius, 0.7 * radius) * rng.uniform(0.3, 1)
        image = image * (1 - disc) + _colour(rng, 0.7) * disc
    return image


def _foliage(rng: np.random.Generator, size: int) -> Array:
    clouds = _clouds(rng, size)
    green = linear([rng.uniform(60, 130), rng.uniform(80, 130), rng.uniform(40, 80)])
    return green * clouds + 0.25 * green * (1 - clouds)


def _outdoors(rng: np.random.Generator, size: int) -> Array:
    rows, _ = _grid(size)
    clouds = _clouds(rng, size)
    blue = linear([rng.uniform(130, 205), rng.uniform(170, 215), 235])
    sky = blue * (1 - 0.4 * clouds) + 0.8 * 0.4 * clouds
    horizon = rng.uniform(0.25, 0.75) + 0.08 * clouds
    ground = _foliage(rng, size) if rng.uniform() < 0.6 else _room(rng, size)
    return np.where(rows < horizon, sky, ground)


KINDS: tuple[Callable[[np.random.Generator, int], Array], ...] = (
    *(_wall, _room, _room, _room, _lamps, _foliage, _outdoors),
)


def paint_background(key: str, size: int) -> Array:
    """Background of the picture `key`: linear RGB in [0, 1], (size, size, 3)."""
    rng = generator(key, "background")
    kind = KINDS[rng.integers(len(KINDS))]
    blur = float(rng.choice([0.7, 1.5, 2.5, 4.0])) * size / 128
    image = gaussian_filter(kind(rng, size), (blur, blur, 0), mode="nearest")
    return np.clip(image * rng.uniform(0.6, 1.1), 0, 1)
