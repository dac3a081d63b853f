"""Short hair that grows from the posed skin: eyebrows and beards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faceref.synthetic.identity import Person, Rgb
from faceref.synthetic.latent import generator
from faceref.synthetic.mesh import SurfacePoints, sample_surface, unit
from faceref.synthetic.noise import ramp
from faceref.synthetic.regions import Bust, Regions
from faceref.synthetic.skin import brow_mask

Array = np.ndarray
SEGMENTS = 4
BEARD_COUNT = {"full": 4500, "goatee": 1900, "moustache": 1000}


@dataclass(frozen=True)
class Strands:
    """Curves of one colour."""

    points: Array
    """Metres, (N, K, 3), from root to tip."""
    root_radius: float
    tip_radius: float
    colour: Rgb


@dataclass(frozen=True)
class Patch:
    """Hair rooted in the skin that follows the expression."""

    roots: SurfacePoints
    direction: Array
    """Growth before it is bent to the surface, (N, 3)."""
    jitter: Array
    """Random tilt, (N, 3)."""
    length: Array
    """Metres, (N,)."""
    rise: float
    """Share of the normal in the growth direction."""
    radii: tuple[float, float]
    colour: Rgb

    def grow(self, vertices: Array, normal: Array, faces: Array) -> Strands:
        """Curves on the posed fine mesh."""
        root, up = self.roots.of(vertices, faces), unit(self.roots.of(normal, faces))
        along = self.direction - up * (self.direction * up).sum(axis=1, keepdims=True)
        heading = unit(unit(along) + up * self.rise + self.jitter)
        points = [root - 0.0006 * up]
        for _ in range(SEGMENTS):
            points.append(points[-1] + heading * (self.length / SEGMENTS)[:, None])
            heading = unit(heading - 0.12 * up)
        return Strands(np.stack(points, axis=1), *self.radii, self.colour)


def _patch(
    rng: np.random.Generator,
    bust: Bust,
    density: Array,
    count: int,
    direction: Callable[[Array], Array],
    length: float,
    rise: float,
    radii: tuple[float, float],
    colour: Rgb,
) -> Patch:
    roots = sample_surface(rng, bust.points, bust.fine_faces, density, count)
    start = roots.of(bust.points, bust.fine_faces)
    jitter = 0.22 * rng.normal(size=start.shape)
    spread = length * rng.uniform(0.6, 1.15, count)
    return Patch(roots, direction(start), jitter, spread, rise, radii, colour)


def root_brows(bust: Bust, person: Person) -> Patch:
    """The eyebrows of `person`."""
    brows = person.brows

    def outwards(start: Array) -> Array:
        x = start[:, 0]
        t = np.clip((np.abs(x) - brows.inner) / (brows.outer - brows.inner), 0, 1)
        rising = 0.9 * (1 - t) ** 1.5 - 0.35 * t
        return np.stack([np.sign(x) * (0.35 + t), rising, np.zeros_like(x)], axis=1)

    density, count = brow_mask(bust.points, brows), int(900 * brows.density)
    rng, radii = generator(person.key, "brows"), (0.00022, 0.00010)
    return _patch(rng, bust, density, count, outwards, 0.0065, 0.12, radii, brows.colour)


def root_beard(bust: Bust, regions: Regions, person: Person) -> Patch | None:
    """The beard of `person`, or None where none grows longer than stubble."""
    zones = {"full": regions.beard, "goatee": regions.goatee, "moustache": regions.moustache}
    if person.beard not in zones:
        return None

    def down(start: Array) -> Array:
        x = start[:, 0]
        aside = 0.45 * np.sign(x) * ramp(np.abs(x), 0, 0.02)
        return np.stack([aside, np.full_like(x, -1.0), np.full_like(x, 0.2)], axis=1)

    red, green, blue = (0.9 * c for c in person.brows.colour)
    return _patch(
        generator(person.key, "beard"),
        bust,
        zones[person.beard],
        BEARD_COUNT[person.beard],
        down,
        person.beard_length,
        0.45,
        (0.00034, 0.00017),
        (red, green, blue),
    )
