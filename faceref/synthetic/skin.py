"""Procedural skin: colour, roughness and relief at the vertices of the bust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceref.synthetic.identity import Brows, Person, Skin
from faceref.synthetic.latent import generator
from faceref.synthetic.noise import bump, fractal, noise, ramp
from faceref.synthetic.palette import LIPSTICKS, MOUTH_CAVITY, SKIN_TONES, STUBBLE
from faceref.synthetic.regions import Regions

Array = np.ndarray
SHADOW = {"none": 0.2, "stubble": 0.85, "full": 1.0, "goatee": 0.45, "moustache": 0.4}
SCALP = {"bald": 0.0, "buzz": 0.7}


@dataclass(frozen=True)
class Surface:
    """What the skin of a person looks like, per fine vertex."""

    colour: Array
    """Linear reflectance, (V, 3)."""
    roughness: Array
    """Of the principled BSDF, (V,)."""
    relief: Array
    """Metres along the normal, (V,)."""


def paint_skin(points: Array, regions: Regions, person: Person) -> Surface:
    """Skin of `person` on template `points` (V, 3), in metres."""
    seed = int(generator(person.key, "skin").integers(1 << 31))
    colour = _tone(points, regions, person.skin, seed)
    colour = _blush(points, regions, person.skin, seed, colour)
    colour = _moles(points, regions, person, colour)
    colour = _lips(points, regions, person.skin, seed, colour)
    colour = _hair_shadow(points, regions, person, seed, colour)
    wrinkles = _wrinkles(points, regions, person.skin.age, seed)
    colour = colour * (1 + np.clip(wrinkles * 420, -0.4, 0))[:, None]
    relief = 0.00010 * noise(points, 420, seed + 16) + 0.00020 * fractal(points, 90, seed + 17, 2)
    rough = 0.56 - 0.09 * regions.nose - 0.05 * regions.forehead - 0.14 * regions.lips
    rough = rough + 0.05 * noise(points, 200, seed + 20)
    return Surface(np.clip(colour, 0.003, 0.95), np.clip(rough, 0.28, 0.8), relief + wrinkles)


def _spots(points: Array, regions: Regions, skin: Skin, seed: int) -> Array:
    """Freckles and age spots, as steps of tone."""
    spots = np.zeros(len(points))
    if skin.freckles > 0.02:
        field = noise(points, 330, seed + 2) + 0.4 * noise(points, 170, seed + 3)
        where = np.clip(1.2 * regions.cheek + regions.nose + 0.35 * regions.forehead + 0.2, 0, 1)
        spots += 0.9 * skin.freckles * ramp(field, 0.55, 0.95) * where
    field = noise(points, 210, seed + 4) + 0.5 * noise(points, 420, seed + 5)
    return spots + 0.45 * skin.age * ramp(field, 0.9, 1.3) * regions.front


def _tone(points: Array, regions: Regions, skin: Skin, seed: int) -> Array:
    steps = len(SKIN_TONES) - 1
    tone = skin.melanin * steps + 0.11 * skin.mottle * fractal(points, 38, seed + 1, 3)
    tone += 0.11 * noise(points, 260, seed + 8) + 0.11 * noise(points, 520, seed + 9)
    tone += _spots(points, regions, skin, seed) - 0.15 * regions.cheek
    tone += 0.5 * skin.eye_bags * regions.under_eye + 0.25 * regions.eye
    tone = np.clip(tone, 0, steps - 0.001)
    low = tone.astype(np.int64)
    part = (tone - low)[:, None]
    return SKIN_TONES[low] * (1 - part) + SKIN_TONES[low + 1] * part


def _blush(points: Array, regions: Regions, skin: Skin, seed: int, colour: Array) -> Array:
    where = 0.55 * regions.cheek + 0.7 * regions.nose + 0.5 * regions.ear + 0.25 * regions.eye
    blood = skin.blood * (where + 0.15) + 0.2 * skin.eye_bags * regions.under_eye
    blood += 0.18 * skin.mottle * fractal(points, 70, seed + 6, 3)
    blood = np.clip(blood, -0.3, 1.4) * (1 - 0.45 * skin.melanin)
    out = colour * np.stack([1 + 0.06 * blood, 1 - 0.26 * blood, 1 - 0.22 * blood], axis=1)
    out[:, 2] *= 1 - 0.1 * skin.yellow
    return out


def _moles(points: Array, regions: Regions, person: Person, colour: Array) -> Array:
    rng = generator(person.key, "moles")
    height = points[:, 1]
    low, high = regions.mouth_height - 0.05, 0.06
    face = (regions.front > 0.6) & (height > low) & (height < high) & (regions.lips < 0.1)
    for _ in range(person.skin.moles):
        centre = points[rng.choice(np.flatnonzero(face))]
        radius, depth = rng.uniform(0.0008, 0.0018), rng.uniform(0.4, 0.8)
        away = np.linalg.norm(points - centre, axis=1) / radius
        colour = colour * (1 - depth * np.exp(-(away**4))[:, None] * np.array([0.55, 0.68, 0.72]))
    return colour


def _lips(points: Array, regions: Regions, skin: Skin, seed: int, colour: Array) -> Array:
    if skin.lipstick is None:
        lips = colour * np.array([0.95, 0.62, 0.62]) * (1 - 0.25 * skin.melanin)
    else:
        lips = np.broadcast_to(LIPSTICKS[skin.lipstick], colour.shape) * (1 - 0.3 * skin.melanin)
    lines = 0.12 * noise(points * np.array([1, 0.3, 0.3]), 900, seed + 11)
    lines += 0.07 * noise(points, 400, seed + 12)
    share = (regions.lips * np.clip(0.55 + 0.5 * skin.lips, 0, 1))[:, None]
    out = colour * (1 - share) + lips * (1 + lines)[:, None] * share
    return out * (1 - regions.cavity[:, None]) + MOUTH_CAVITY * regions.cavity[:, None]


def _hair_shadow(
    points: Array, regions: Regions, person: Person, seed: int, colour: Array
) -> Array:
    """Skin darkened by beard roots, brows, lashes and the hair of the scalp."""
    female = person.build["female"]
    brow_colour, hair = np.array(person.brows.colour), np.array(person.hair.colour)
    field = noise(points, 700, seed + 13) + noise(points, 420, seed + 14)
    shade = 0.0 if female > 0.4 else SHADOW[person.beard]
    share = (0.5 * shade * regions.beard * (0.55 + 0.45 * ramp(field, -0.3, 0.6)))[:, None]
    roots = 0.5 * brow_colour + 0.5 * STUBBLE * colour.mean(axis=1, keepdims=True) / 0.4
    colour = colour * (1 - share) + roots * share
    share = (0.5 * person.brows.density * brow_mask(points, person.brows))[:, None]
    colour = colour * (1 - share) + brow_colour * share
    lid = np.clip(regions.eye * ramp(np.abs(points[:, 1]), 0.012, 0.004), 0, 1)
    colour = colour * (1 - 0.3 * lid[:, None] * (0.35 + 0.45 * female))
    above = regions.above_hairline - person.hair.recession
    above = above - 0.010 * noise(points, 55, seed + 15)
    share = ramp(above, 0.003, 0.018) * (1 - regions.ear) * SCALP.get(person.hair.style, 0.9)
    return colour * (1 - share[:, None]) + 0.8 * hair * share[:, None]


def brow_mask(points: Array, brows: Brows) -> Array:
    """Density of the eyebrows in [0, 1], (V,)."""
    along = (np.abs(points[:, 0]) - brows.inner) / (brows.outer - brows.inner)
    t = np.clip(along, 0, 1)
    middle = 0.0195 + brows.height + brows.arch * np.sin(np.pi * t**1.35)
    middle = middle + brows.slope * (t - 0.5) - 0.0035 * t**2.5
    thick = brows.thickness * (1 - 0.65 * t**1.8) * (0.75 + 0.25 * ramp(t, 0, 0.2))
    across = np.exp(-0.9 * ((points[:, 1] - middle) / thick) ** 2)
    ends = ramp(along, -0.06, 0.10) * ramp(along, 1.06, 0.85)
    return across * ends * ramp(points[:, 2], 0.07, 0.09)


def _wrinkles(points: Array, regions: Regions, age: float, seed: int) -> Array:
    """Relief (metres, negative) of forehead lines and crow's feet."""
    x, y, _ = points.T
    lines = np.sin(2 * np.pi * (y / 0.0105 + 0.5 * noise(points, 40, seed + 18) + 120 * x**2))
    forehead = -np.maximum(0, lines - 0.55) * regions.forehead * 0.0012
    turn = np.arctan2(y, np.abs(x) - 0.03) / 0.32 + noise(points, 60, seed + 19) / (2 * np.pi)
    feet = -np.maximum(0, np.sin(2 * np.pi * turn) - 0.5) * 0.0012
    return age * (forehead + feet * bump(np.abs(x), 0.056, 0.008) * bump(y, 0, 0.014))
