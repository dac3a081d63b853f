"""Eyeballs: a sphere with a cornea fitted to the base mesh's eye, and its texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from faceref.synthetic.identity import Person
from faceref.synthetic.latent import generator
from faceref.synthetic.mesh import normals
from faceref.synthetic.noise import ramp
from faceref.synthetic.palette import SCLERA

Array = np.ndarray
RINGS = 48
TEXTURE = 192
CORNEA = 0.035
"""How far the cornea stands out, as a share of the radius."""


@dataclass(frozen=True)
class Eyeball:
    """Geometry of one eye."""

    vertices: Array
    faces: Array
    normals: Array
    uv: Array


def build_eyeball(eye: Array, template: Array, gaze: tuple[float, float]) -> Eyeball:
    """Eyeball in the place of the posed vertices `eye` (N, 3), modelled on `template` (N, 3).

    `gaze` is yaw and pitch in radians. The eye's shape follows the affine map from the template.
    """
    centre, radius = _sphere(template)
    affine = np.linalg.lstsq(_homogeneous(template), eye, rcond=None)[0]
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, RINGS), np.linspace(0, 2 * np.pi, RINGS + 1), indexing="ij"
    )
    r = radius * (1 + CORNEA * np.exp(-((np.degrees(theta) / 20) ** 2)))
    ball = np.stack(
        [r * np.sin(theta) * np.cos(phi), r * np.sin(theta) * np.sin(phi), r * np.cos(theta)],
        axis=-1,
    ).reshape(-1, 3)
    vertices = _homogeneous(ball @ _turn(*gaze).T + centre) @ affine
    faces = _grid_faces()
    uv = np.stack([phi / (2 * np.pi), theta / np.pi], axis=-1).reshape(-1, 2)
    return Eyeball(vertices, faces, normals(vertices, faces), uv)


def _homogeneous(points: Array) -> Array:
    return np.hstack([points, np.ones((len(points), 1))])


def _sphere(points: Array) -> tuple[Array, float]:
    """Centre and radius of the least-squares sphere through `points` (N, 3)."""
    squares = (points**2).sum(axis=1)
    fit = np.linalg.lstsq(_homogeneous(2 * points), squares, rcond=None)[0]
    centre = fit[:3]
    return centre, float(np.sqrt(fit[3] + centre @ centre))


def _turn(yaw: float, pitch: float) -> Array:
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array(
        [[1, 0, 0], [0, cp, -sp], [0, sp, cp]]
    )


def _grid_faces() -> Array:
    width = RINGS + 1
    i, j = np.meshgrid(np.arange(RINGS - 1), np.arange(RINGS), indexing="ij")
    k = (i * width + j).ravel()
    lower = np.stack([k, k + width + 1, k + 1], axis=-1)
    return np.concatenate([lower, np.stack([k, k + width, k + width + 1], axis=-1)])


def paint_iris(person: Person) -> Array:
    """Linear RGB texture (T, T, 3): rows from the pupil to the back, columns around the axis."""
    rng = generator(person.key, "iris")
    theta = (np.arange(TEXTURE) + 0.5)[:, None] / TEXTURE * 180 * np.ones((1, TEXTURE))
    iris = person.iris_radius
    pupil = iris * rng.uniform(0.34, 0.44)
    spokes = gaussian_filter(rng.normal(size=TEXTURE), 1.0, mode="wrap")[None]
    fibres = spokes + 1.2 * gaussian_filter(rng.normal(size=theta.shape), 1.2)
    colour = np.array(person.iris) * (1 + 0.5 * fibres[..., None])
    colour = colour * (1 + 0.4 * np.exp(-(((theta - pupil - 2) / 3) ** 2)))[..., None]
    colour = colour * (1 - 0.7 * ramp(theta, iris - 3.5, iris))[..., None]
    veins = np.clip(3 * gaussian_filter(rng.normal(size=theta.shape), 1.5), 0, 1)[..., None]
    red = np.array([0.0, 1.0, 1.0])
    white = SCLERA * (1 - 0.12 * ramp(theta, 35, 70)[..., None] * red) * (1 - 0.1 * veins * red)
    edge = ramp(theta, iris - 0.8, iris + 1.8)[..., None]
    colour = colour * (1 - edge) + white * edge
    return np.clip(colour * ramp(theta, pupil - 0.8, pupil + 0.8)[..., None], 0.004, 0.9)
