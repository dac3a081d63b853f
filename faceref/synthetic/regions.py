"""Where things are on the template head: soft masks over the vertices of the fine mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from faceref.synthetic.head import HeadModel
from faceref.synthetic.mesh import normals, subdivide, triangles
from faceref.synthetic.noise import bump, ramp

Array = np.ndarray
BODY_BELOW = -0.33
"""Metres under the eyes where the bust ends."""
BODY_HALF_WIDTH = 0.24
TEXTURES = ("lips", "ears", "inside-mouth")
HAIRLINE = (
    (0, 22, 38, 52, 62, 74, 90, 108, 120, 140, 180),
    (0.070, 0.070, 0.063, 0.042, 0.004, -0.022, 0.016, 0.016, -0.03, -0.062, -0.070),
)
"""Degrees from the front around the head, and metres above the eyes."""


@dataclass(frozen=True)
class Bust:
    """The part of the body that is rendered, twice subdivided, with the template's points."""

    used: Array
    """Base vertices that the bust is made from."""
    coarse: Any
    """Sparse matrix from used vertices to the once subdivided mesh."""
    fine: Any
    """Sparse matrix from used vertices to the twice subdivided mesh."""
    coarse_faces: Array
    fine_faces: Array
    points: Array
    """Template positions of the fine vertices, metres, (V, 3)."""
    uv: Array
    """Texture coordinates of the fine vertices, (V, 2)."""


def build_bust(head: HeadModel) -> Bust:
    """Cut the bust out of the base mesh and subdivide it."""
    quads, quad_uv = head.base.quads["body"], head.base.quad_uv["body"]
    centre = head.template[quads].mean(axis=1)
    keep = (centre[:, 1] > BODY_BELOW) & (np.abs(centre[:, 0]) < BODY_HALF_WIDTH)
    used, flat = np.unique(quads[keep], return_inverse=True)
    local = flat.reshape(-1, 4)
    first, quads1 = subdivide(len(used), local)
    second, quads2 = subdivide(first.shape[0], quads1)
    fine = (second @ first).tocsr()
    uv = np.zeros((len(used), 2))
    uv[local.ravel()] = head.base.uv[quad_uv[keep].ravel()]
    template = fine @ head.template[used]
    return Bust(used, first, fine, triangles(quads1), triangles(quads2), template, fine @ uv)


def _texture(path: Path, uv: Array) -> Array:
    with Image.open(path) as opened:
        width, height = opened.size
        image = np.asarray(opened.convert("L"), dtype=np.float32) / 255
    at = [(1 - uv[:, 1]) * (height - 1), uv[:, 0] * (width - 1)]
    return map_coordinates(gaussian_filter(image, 1.5), at, order=1)


@dataclass(frozen=True)
class Regions:
    """Masks in [0, 1] over the fine vertices (V,), and the landmarks of the template."""

    front: Array
    lips: Array
    cavity: Array
    cheek: Array
    nose: Array
    ear: Array
    eye: Array
    under_eye: Array
    forehead: Array
    above_hairline: Array
    """Metres above the hairline, (V,); positive on the scalp."""
    beard: Array
    moustache: Array
    goatee: Array
    cloth: Array
    mouth_height: float
    """Height of the mouth above the eyes, metres (negative)."""
    nose_tip: int
    """Vertex of the nose tip."""
    mouth_corners: tuple[int, int]
    """Vertices of the person's right and left mouth corner (image left first)."""


def build_regions(head: HeadModel, bust: Bust) -> Regions:
    """Paint every mask on the template."""
    folder = head.folder / "mpfb2/textures"
    lips, ears, inside = (_texture(folder / f"mpfb_{n}.jpg", bust.uv) for n in TEXTURES)
    x, y, z = bust.points.T
    mouth = float(y[lips > 0.6].mean())
    between = (np.abs(x) < 0.003) & (y < -0.01) & (y > mouth + 0.01)
    tip = int(np.argmax(np.where(between, z, -9.0)))
    rim = np.where((lips > 0.5) & (np.abs(y - mouth) < 0.012) & (z > 0.1), x, 0)
    lip, ear = ramp(lips, 0.25, 0.7) * (1 - inside), np.clip(ears * 1.5, 0, 1)
    cavity = ramp(inside, 0.3, 0.7)
    bare = (1 - lip) * (1 - ear) * (1 - cavity)
    return Regions(
        lips=lip,
        cavity=cavity,
        ear=ear,
        mouth_height=mouth,
        nose_tip=tip,
        mouth_corners=(int(np.argmin(rim)), int(np.argmax(rim))),
        **_face_zones(bust, float(y[tip])),
        **_hair_zones(bust.points, mouth, float(y[tip]), bare),
    )


def _face_zones(bust: Bust, nose: float) -> dict[str, Array]:
    """Zones of skin colour; `nose` is the height of the nose tip."""
    x, y, z = bust.points.T
    ax = np.abs(x)
    front = ramp(normals(bust.points, bust.fine_faces)[:, 2], -0.1, 0.35)
    eye = ((ax - 0.0290) / 0.022) ** 2 + (y / 0.012) ** 2
    brow_to_hair = ramp(y, 0.022, 0.035) * ramp(y, 0.085, 0.065)
    return {
        "front": front,
        "cheek": bump(ax, 0.040, 0.016) * bump(y, nose - 0.002, 0.016) * front,
        "nose": bump(ax, 0, 0.014) * bump(y, nose, 0.014) * ramp(z, 0.115, 0.135),
        "eye": np.exp(-eye) * front * ramp(z, 0.08, 0.1),
        "under_eye": bump(ax, 0.027, 0.013) * bump(y, -0.0165, 0.0055) * front,
        "forehead": brow_to_hair * ramp(ax, 0.055, 0.035) * front,
    }


def _hair_zones(points: Array, mouth: float, nose: float, bare: Array) -> dict[str, Array]:
    """Zones of hair, beard and clothes; `bare` is 0 on lips and ears."""
    x, y, z = points.T
    ax = np.abs(x)
    azimuth = np.degrees(np.arctan2(ax, z - 0.02))
    beard = _beard(points, azimuth, mouth, nose) * bare
    moustache = beard * ramp(y, mouth - 0.002, mouth + 0.004) * ramp(ax, 0.036, 0.030)
    chin = beard * ramp(ax, 0.030, 0.022) * ramp(y, mouth + 0.01, mouth)
    collar = np.interp(azimuth, [0, 40, 90, 180], [-0.172, -0.157, -0.142, -0.122])
    return {
        "above_hairline": y - np.interp(azimuth, *HAIRLINE),
        "beard": beard,
        "moustache": moustache,
        "goatee": np.clip(0.8 * moustache + chin, 0, 1),
        "cloth": ramp(y, collar + 0.001, collar - 0.001),
    }


def _beard(points: Array, azimuth: Array, mouth: float, nose: float) -> Array:
    """Where a full beard grows, before lips and ears are taken out."""
    x, y, z = points.T
    ax = np.abs(x)
    top = np.interp(
        ax,
        [0, 0.012, 0.022, 0.028, 0.036, 0.050, 0.060, 0.072],
        [
            *(nose - 0.011, nose - 0.012, nose - 0.016, mouth + 0.006),
            *(mouth + 0.004, mouth + 0.018, -0.035, -0.015),
        ],
    )
    below = [mouth - 0.062, mouth - 0.058, mouth - 0.035, mouth - 0.01]
    bottom = np.interp(azimuth, [0, 40, 70, 100], below)
    zone = ramp(y, top + 0.003, top - 0.004) * ramp(y, bottom - 0.006, bottom + 0.006)
    bare = bump(ax, 0.008, 0.010) * bump(y, mouth - 0.0165, 0.004)
    return zone * ramp(z, -0.03, -0.005) * (1 - 0.85 * bare)
