"""Skin colour and skin coverage of every pixel, from points splatted into a depth buffer.

A second render would give the same at the cost of a second scene; dense points are enough here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, minimum_filter, uniform_filter

from faceref.synthetic.scene import Camera

Array = np.ndarray
FAR = 1e9
LEAK = 0.006
"""Metres behind the nearest point around that shine through a gap between points."""
TOLERANCE = 0.004
"""Metres behind the skin at which hair still hides it."""


def _pixels(camera: Camera, points: Array) -> tuple[Array, Array, Array]:
    """Pixel index and depth of `points` (N, 3) inside the frame, and which those are."""
    at = np.rint(camera.project(points)).astype(np.int64)
    inside = np.all((at >= 0) & (at < camera.size), axis=1)
    depth = np.linalg.norm(points[inside] - camera.origin, axis=1)
    return at[inside, 1] * camera.size + at[inside, 0], depth, inside


def _nearest(pixel: Array, depth: Array, count: int) -> Array:
    nearest = np.full(count, FAR)
    np.minimum.at(nearest, pixel, depth)
    return nearest


def dense(strand: Array, per_segment: int) -> Array:
    """Points along strands (N, K, 3), `per_segment` on each piece, (M, 3)."""
    t = (np.arange(per_segment) / per_segment)[:, None, None, None]
    return ((1 - t) * strand[None, :, :-1] + t * strand[None, :, 1:]).reshape(-1, 3)


@dataclass(frozen=True)
class PosedSkin:
    """The bust as it is in one picture."""

    vertices: Array
    """Metres, (V, 3)."""
    normals: Array
    """Unit, (V, 3)."""
    faces: Array
    """Triangles, (F, 3)."""
    colour: Array
    """Linear reflectance, (V, 3)."""
    roughness: Array
    """Of the principled BSDF, (V,)."""
    hidden: Array
    """True under clothes and inside the mouth, (V,)."""

    def dense(self, values: Array) -> Array:
        """Vertex `values` and their means over the triangles, (V + F, ...)."""
        return np.concatenate([values, values[self.faces].mean(axis=1)])


def skin_cover(camera: Camera, skin: PosedSkin, others: Iterable[Array]) -> tuple[Array, Array]:
    """Albedo (S, S, 3) of the visible skin, and a mask (S, S) of pixels well inside it.

    `others` are points (N, 3) of whatever may hide the skin.
    """
    shape, count = (camera.size, camera.size), camera.size**2
    pixel, nearest, colours, covered_up = _front(camera, skin)
    total = np.bincount(pixel, minlength=count).reshape(shape)
    albedo = _mean_colour(pixel, colours, total)
    at, away, _ = _pixels(camera, np.concatenate(list(others)))
    hidden = _nearest(at, away, count) < nearest + TOLERANCE
    blocked = hidden | (np.bincount(pixel, covered_up, count) > 0)
    covered = uniform_filter((total > 0).astype(float), 3) > 0.6
    return albedo, binary_erosion(covered & ~blocked.reshape(shape), np.ones((3, 3)))


def _front(camera: Camera, skin: PosedSkin) -> tuple[Array, Array, Array, Array]:
    """Points of the skin that the camera sees.

    Returns the pixel of each, (N,), the depth of the skin at every pixel, (S * S,), and the colour
    (N, 3) of each point and whether it lies under clothes or in the mouth, (N,).
    """
    points = skin.dense(skin.vertices)
    facing = (skin.dense(skin.normals) * (camera.origin - points)).sum(axis=1) > 0
    colours = skin.dense(skin.colour)[facing]
    covered_up = skin.dense(skin.hidden.astype(float))[facing] > 0
    pixel, depth, inside = _pixels(camera, points[facing])
    splatted = _nearest(pixel, depth, camera.size**2).reshape(camera.size, camera.size)
    nearest = minimum_filter(splatted, 3).ravel()
    front = depth < nearest[pixel] + LEAK
    return pixel[front], nearest, colours[inside][front], covered_up[inside][front]


def _mean_colour(pixel: Array, colours: Array, total: Array) -> Array:
    """Mean of the points' `colours` in each pixel of `total` (S, S), of its neighbours if empty."""
    sums = [np.bincount(pixel, c, total.size).reshape(total.shape) for c in colours.T]
    weight = np.maximum(uniform_filter(total.astype(float), 3), 1e-6)[..., None]
    around = np.stack([uniform_filter(s, 3) for s in sums], axis=-1) / weight
    here = np.stack(sums, axis=-1) / np.maximum(total, 1)[..., None]
    return np.where(total[..., None] > 0, here, around)
