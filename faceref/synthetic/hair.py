"""The hair of the head: strands combed over the scalp, kept off the skin and the face."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.spatial import KDTree

from faceref.synthetic.identity import Hair, Person
from faceref.synthetic.latent import generator
from faceref.synthetic.mesh import normals, sample_surface, unit
from faceref.synthetic.noise import noise, ramp
from faceref.synthetic.regions import Bust, Regions
from faceref.synthetic.strands import Strands

Array = np.ndarray
SIDEWAYS, UP, FORWARD = np.eye(3)
COUNTS = {"bald": 3000, "buzz": 8000, "afro": 9000, "curly": 8500}
STRANDS = 8000
SHADES = ((1.0, 0.35), (0.75, 0.3), (1.3, 0.2), (0.55, 0.15))
"""Factor on the hair colour, and share of the strands that have it."""
SHORT = ("fringe", "fringed", "short", "side")
COMBED_BACK = ("long", "wavy", "medium", "fringed", "side", "tied")
KNOT = np.array([0.0, 0.045, -0.100])
"""Where tied hair meets behind the head, metres."""


@dataclass(frozen=True)
class Roots:
    """Where the strands start."""

    template: Array
    """Template positions, metres, (N, 3)."""
    start: Array
    """Positions on the person's head, metres, (N, 3)."""
    normal: Array
    """Unit normals there, (N, 3)."""
    azimuth: Array
    """Degrees around the head, (N,)."""
    top: Array
    """1 on the crown, 0 at the sides, (N,)."""
    side: Array
    """-1 or 1 from the parting, (N,)."""


@dataclass(frozen=True)
class Groom:
    """How strands run from their roots."""

    length: Array
    """Metres, (N,)."""
    flow: Array
    """Direction they are combed to, (N, 3)."""
    volume: float
    """Metres above the scalp of the outermost layer."""
    steps: int = 9
    lift: float = 0.35
    """Share of the normal in the first step."""
    gravity: float = 0.15
    decay: float = 0.85
    """Loss of the combed direction per step."""
    curl: float = 0.0
    frequency: float = 60.0
    """Radians of curl per metre."""
    radii: tuple[float, float] = (0.00055, 0.00030)
    fringe: Array = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """Strands that fall on the forehead, (N,)."""


def _column(values: Array) -> Array:
    return values[:, None]


def _density(bust: Bust, regions: Regions, hair: Hair, seed: int) -> Array:
    above = regions.above_hairline
    if hair.style == "bald":
        return ramp(above, 0, 0.01) * ramp(bust.points[:, 1], 0.062, 0.040) * (1 - regions.ear)
    ragged = above - hair.recession - 0.004 * noise(bust.points, 60, seed)
    return ramp(ragged, -0.001, 0.012) * (1 - regions.ear)


def _roots(
    rng: np.random.Generator, bust: Bust, density: Array, hair: Hair, vertices: Array
) -> Roots:
    faces, count = bust.fine_faces, COUNTS.get(hair.style, STRANDS)
    points = sample_surface(rng, bust.points, faces, density, count)
    template, fine = points.of(bust.points, faces), bust.fine @ vertices[bust.used]
    return Roots(
        template=template,
        start=points.of(fine, faces),
        normal=unit(points.of(normals(fine, faces), faces)),
        azimuth=np.degrees(np.arctan2(np.abs(template[:, 0]), template[:, 2] - 0.02)),
        top=ramp(template[:, 1], 0.045, 0.085),
        side=np.where(template[:, 0] < hair.parting, -1.0, 1.0),
    )


def _groom(hair: Hair, roots: Roots) -> Groom:
    """The groom of the hair's style; lengths before the random spread."""
    if hair.style in ("short", "side", "fringe"):
        return _short(hair, roots)
    if hair.style in ("long", "wavy", "medium", "fringed"):
        return _long(hair, roots)
    n, size = len(roots.start), hair.length
    if hair.style in ("buzz", "bald"):
        length = np.full(n, 0.0045 * size if hair.style == "buzz" else 0.006)
        flow = np.tile(0.6 * FORWARD - 0.6 * UP, (n, 1))
        return Groom(length, flow, 0.004, steps=4, lift=0.9, radii=(0.00040, 0.00025))
    if hair.style in ("curly", "afro"):
        length = np.full(n, 0.032 if hair.style == "curly" else 0.036) * size
        groom = Groom(length, roots.normal - 0.15 * UP, 0.022, lift=0.9, gravity=0.05)
        return replace(groom, curl=1.1 + 0.5 * hair.curl, frequency=170.0)
    flow = unit(KNOT - roots.start)
    return Groom(np.full(n, 0.10), flow, 0.004, steps=8, lift=0.05, gravity=0.0)


def _short(hair: Hair, roots: Roots) -> Groom:
    top, side = roots.top, _column(roots.side)
    full, size = hair.volume, hair.length
    low = 0.004 + 0.006 * full
    if hair.style == "short":
        flow = FORWARD * _column(0.8 * top) - 0.9 * UP
        flow = flow + SIDEWAYS * side * _column(0.5 * (1 - 0.5 * top))
        length = (0.016 + 0.022 * top) * size
        return Groom(length, flow, low + 0.006 * full, lift=0.45 + 0.3 * full)
    if hair.style == "side":
        across = -float(np.sign(hair.parting) or 1.0)
        way = np.where(_column(top) > 0.2, across, side)
        flow = 1.2 * SIDEWAYS * way + 0.3 * FORWARD - 0.4 * UP
        return Groom((0.018 + 0.042 * top) * size, flow, low + 0.008 * full, lift=0.5)
    flow = 1.2 * FORWARD * _column(roots.azimuth < 70) + 0.5 * SIDEWAYS * side - 0.5 * UP
    return Groom((0.028 + 0.036 * top) * size, flow, low + 0.004)


def _long(hair: Hair, roots: Roots) -> Groom:
    top, side, size = roots.top, _column(roots.side), hair.length
    layer = 0.003 + 0.005 * hair.volume
    if hair.style == "medium":
        flow = 0.7 * SIDEWAYS * side - 0.9 * UP - 0.2 * FORWARD
        groom = Groom((0.085 + 0.06 * top) * size, flow, layer, steps=12, lift=0.2)
        return replace(groom, gravity=0.7, decay=0.55, curl=0.2 * hair.curl)
    flow = 0.6 * SIDEWAYS * side - 0.9 * UP - 0.5 * FORWARD
    length = (0.19 + 0.06 * top) * size
    groom = Groom(length, flow, layer, steps=13, lift=0.2, gravity=0.9, decay=0.5)
    if hair.style == "wavy":
        return replace(groom, curl=0.7 * hair.curl + 0.15)
    if hair.style == "fringed":
        front = (roots.azimuth < 38) & (roots.template[:, 1] < 0.098)
        length[front] = 0.050 * size
        flow[front] = 0.7 * FORWARD - 0.5 * UP + 0.18 * SIDEWAYS * side[front]
        return replace(groom, fringe=front, curl=0.05)
    return replace(groom, curl=0.2 * hair.curl + 0.03)


def comb(bust: Bust, regions: Regions, person: Person, vertices: Array) -> list[Strands]:
    """Hair of `person` over the neutral base `vertices`, one `Strands` per shade."""
    hair, rng = person.hair, generator(person.key, "hair")
    seed = int(rng.integers(1 << 31))
    roots = _roots(rng, bust, _density(bust, regions, hair, seed), hair, vertices)
    groom = _groom(hair, roots)
    groom = replace(groom, length=groom.length * rng.uniform(0.75, 1.1, len(roots.start)))
    coarse = bust.coarse @ vertices[bust.used]
    scalp = Scalp(coarse, normals(coarse, bust.coarse_faces))
    curves = _grow(rng, hair, groom, roots, scalp)
    if hair.style in SHORT:
        curves = curves[~_on_face(curves).any(axis=1)]
    shade = rng.choice(len(SHADES), len(curves), p=[share for _, share in SHADES])
    return [
        Strands(curves[shade == i], *groom.radii, _shaded(hair, factor))
        for i, (factor, _) in enumerate(SHADES)
    ]


def _shaded(hair: Hair, factor: float) -> tuple[float, float, float]:
    red, green, blue = (min(max(c * factor, 0.004), 0.8) for c in hair.colour)
    return red, green, blue


def _on_face(points: Array) -> Array:
    x, y, z = np.moveaxis(points, -1, 0)
    return (y < 0.018) & (z > 0.08) & (np.abs(x) < 0.058)


@dataclass(frozen=True)
class Scalp:
    """The coarse mesh of the head that strands are kept off."""

    points: Array
    """Metres, (V, 3)."""
    normal: Array
    """Unit, (V, 3)."""

    @cached_property
    def tree(self) -> KDTree:
        """For the nearest of the points."""
        return KDTree(self.points)

    def lift(self, here: Array, height: Array) -> tuple[Array, Array]:
        """`here` (N, 3) raised to `height` (N,) where lower, and the normals under it, (N, 3)."""
        index = self.tree.query(here)[1]
        near = self.normal[index]
        gap = ((here - self.points[index]) * near).sum(axis=1)
        return here + near * _column(np.maximum(0, height - gap)), near


def _phase(rng: np.random.Generator, hair: Hair, roots: Roots) -> Array:
    """Where on its curl each strand starts, radians: alike in clumps unless the curls are tight."""
    count = len(roots.start)
    clump = 6 * noise(roots.template, 90, int(rng.integers(1 << 30)))
    if hair.style in ("curly", "afro"):
        return rng.uniform(0, 2 * np.pi, count)
    return clump + rng.normal(0, 0.5, count)


def _grow(rng: np.random.Generator, hair: Hair, groom: Groom, roots: Roots, scalp: Scalp) -> Array:
    """Strands (N, steps + 1, 3) grown step by step over the scalp."""
    start, normal, step = roots.start, roots.normal, groom.length / (groom.steps - 1)
    layer = groom.volume * rng.uniform(0.12, 1, len(start)) ** 1.1
    phase = _phase(rng, hair, roots)
    along = groom.flow - normal * (groom.flow * normal).sum(axis=1, keepdims=True)
    heading = unit(unit(along) * (1 - groom.lift) + normal * groom.lift)
    points, here, near = [start - 0.001 * normal, start], start, normal
    for k in range(groom.steps - 1):
        heading = unit(0.55 * heading + 0.45 * _aim(hair, groom, here, near, k))
        turn = phase + groom.frequency * k * step
        here = here + _column(step) * _curled(rng, groom, heading, near, turn)
        here, near = scalp.lift(here, layer * min(1, (k + 1) / 2))
        if hair.style in COMBED_BACK:
            here = _off_face(here, roots.side, groom.fringe)
        points.append(here)
    return np.stack(points, axis=1)


def _aim(hair: Hair, groom: Groom, here: Array, near: Array, k: int) -> Array:
    """Where step `k` wants to go: the combed direction, then down, never into the head."""
    if hair.style == "tied":
        goal = unit(KNOT - here)
    else:
        goal = unit(0.5 * groom.flow * groom.decay**k - UP * groom.gravity * (1 + 0.5 * k))
    return unit(goal - near * np.minimum((goal * near).sum(axis=1, keepdims=True), 0))


def _curled(
    rng: np.random.Generator, groom: Groom, heading: Array, near: Array, turn: Array
) -> Array:
    if not groom.curl:
        return unit(heading + 0.05 * rng.normal(size=heading.shape))
    u = unit(np.cross(heading, near) + 1e-6)
    v = np.cross(u, heading)
    circle = _column(np.cos(turn)) * u + _column(np.sin(turn)) * v
    return unit(heading + 0.8 * groom.curl * circle)


def _off_face(here: Array, side: Array, fringe: Array) -> Array:
    """Push strands that hang before the face aside and back; a fringe may stay."""
    x, y, z = here.T
    before = (z > 0.075) & (y < 0.05) & (np.abs(x) < 0.066) & (y > -0.149)
    if len(fringe):
        before &= ~fringe
    aside = np.where(np.abs(x) > 0.012, np.sign(x), side)
    push = np.stack([0.012 * aside, np.zeros_like(x), np.full_like(x, -0.010)], axis=1)
    return here + push * _column(before)
