"""Mitsuba 3 scenes: meshes, curves, lamps, the camera and where it sees a point."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceref.errors import FaceRefError
from faceref.synthetic.head import MISSING
from faceref.synthetic.shot import Light, Shot
from faceref.synthetic.strands import Strands

Array = np.ndarray
LAMP_DISTANCE = 1.6
"""Metres between a lamp and the face; it sets how large the lamp looks."""
SKY_ROWS = 128
"""Rows of the environment map; a multiple of 16."""
TARGET_DEPTH = 0.085
"""Metres in front of the neck axis that the camera looks at."""


def load_mitsuba() -> Any:
    """The `mitsuba` module in its `scalar_rgb` variant, on one thread.

    One thread on purpose: several add their blocks to the film in the order in which they finish,
    and so give sums that differ in the last bit where blocks meet.
    """
    try:
        import drjit
        import mitsuba
    except ImportError as error:
        raise FaceRefError(MISSING) from error
    if mitsuba.variant() != "scalar_rgb":
        mitsuba.set_variant("scalar_rgb")
        mitsuba.set_log_level(mitsuba.LogLevel.Error)
    drjit.set_thread_count(1)
    return mitsuba


def rgb(colour: Sequence[float]) -> dict[str, Any]:
    """A constant colour."""
    return {"type": "rgb", "value": [float(c) for c in colour]}


def two_sided(bsdf: dict[str, Any]) -> dict[str, Any]:
    """`bsdf` on both sides of a surface."""
    return {"type": "twosided", "bsdf": bsdf}


def mesh(
    name: str,
    vertices: Array,
    faces: Array,
    normal: Array,
    bsdf: dict[str, Any],
    *,
    attributes: dict[str, Array] | None = None,
    uv: Array | None = None,
) -> Any:
    """A Mitsuba mesh of `vertices` (V, 3) with vertex attributes (V,) or (V, C)."""
    mi = load_mitsuba()
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf)
    shape = mi.Mesh(name, len(vertices), len(faces), properties, True, uv is not None)
    parameters = mi.traverse(shape)
    parameters["vertex_positions"] = vertices.astype(np.float32).ravel()
    parameters["vertex_normals"] = normal.astype(np.float32).ravel()
    parameters["faces"] = faces.astype(np.uint32).ravel()
    if uv is not None:
        parameters["vertex_texcoords"] = uv.astype(np.float32).ravel()
    parameters.update()
    for key, values in (attributes or {}).items():
        width = 1 if values.ndim == 1 else values.shape[1]
        shape.add_attribute(f"vertex_{key}", width, values.astype(np.float32).ravel())
    return shape


def curves(strands: Strands) -> Any:
    """Mitsuba curves; the format wants a text file of `x y z radius` lines."""
    mi = load_mitsuba()
    count, steps, _ = strands.points.shape
    radius = np.linspace(strands.root_radius, strands.tip_radius, steps)
    rows = np.concatenate(
        [strands.points, np.broadcast_to(radius[:, None], (count, steps, 1))], axis=-1
    )
    form = "\n".join(["%.5f %.5f %.5f %.6f"] * steps) + "\n\n"
    text = (form * count) % tuple(rows.ravel().tolist())
    bsdf = {"type": "principled", "base_color": rgb(strands.colour), "roughness": 0.5}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curves.txt"
        path.write_text(text)
        shape = {"type": "linearcurve", "filename": str(path), "bsdf": bsdf | {"specular": 0.22}}
        return mi.load_dict(shape)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at the face."""

    origin: Array
    target: Array
    up: Array
    span: float
    """Metres across the frame at the target."""
    size: int
    """Pixels across the square frame."""

    @property
    def field_of_view(self) -> float:
        """Degrees."""
        away = np.linalg.norm(self.target - self.origin)
        return float(np.degrees(2 * np.arctan(self.span / 2 / away)))

    def project(self, points: Array) -> Array:
        """Pixel coordinates (N, 2) of `points` (N, 3); (0, 0) is the centre of the first pixel."""
        forward = self.target - self.origin
        away = np.linalg.norm(forward)
        forward = forward / away
        right = np.cross(forward, self.up)
        right /= np.linalg.norm(right)
        local = (points - self.origin) @ np.stack([right, np.cross(right, forward), forward]).T
        plane = local[:, :2] / local[:, 2:] * away / self.span
        return self.size * np.stack([0.5 + plane[:, 0], 0.5 - plane[:, 1]], axis=1) - 0.5

    def sensor(self, samples: int, seed: int, pixels: str) -> dict[str, Any]:
        """Mitsuba's description of this camera."""
        mi = load_mitsuba()
        look = mi.ScalarTransform4f().look_at(
            origin=self.origin.tolist(), target=self.target.tolist(), up=self.up.tolist()
        )
        film = {"type": "hdrfilm", "width": self.size, "height": self.size}
        film |= {"pixel_format": pixels, "rfilter": {"type": "mitchell"}}
        sampler = {"type": "multijitter", "sample_count": samples, "seed": seed}
        sensor = {"type": "perspective", "fov": self.field_of_view, "near_clip": 0.05}
        return sensor | {"to_world": look, "film": film, "sampler": sampler}


def aim_camera(shot: Shot, size: int) -> Camera:
    """The camera of `shot`."""
    yaw, pitch, roll = np.radians([shot.yaw, shot.pitch, shot.roll])
    target = np.array([shot.offset[0], shot.offset[1], TARGET_DEPTH])
    away = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    up = np.array([np.sin(roll) * np.cos(yaw), np.cos(roll), -np.sin(roll) * np.sin(yaw)])
    return Camera(target + shot.distance * away, target, up, shot.span, size)


def sky(shot: Shot, rng: np.random.Generator) -> dict[str, Any]:
    """All light of `shot` as one environment: soft light, brighter from above, and the lamps.

    One emitter on purpose: Mitsuba's list of shapes, and so of their emitters, comes in an order
    that hangs on addresses in memory, so lamps as shapes would give other pixels from run to run.
    """
    mi = load_mitsuba()
    fall = np.linspace(1.3, 0.5, 16)[:, None, None] + rng.uniform(-0.15, 0.15, (16, 32, 1))
    soft = shot.ambient * np.maximum(fall, 0.02) * np.array(shot.ambient_tint)
    light = np.repeat(np.repeat(soft, SKY_ROWS // 16, axis=0), SKY_ROWS // 16, axis=1)
    for one in shot.lights:
        light = light + _shine(one, shot.yaw)[..., None] * np.array(one.colour)
    return {"type": "envmap", "bitmap": mi.Bitmap(light.astype(np.float32))}


def sky_directions() -> Array:
    """Unit directions (R, 2R, 3) that the texels of Mitsuba's `envmap` stand for."""
    polar = (np.arange(SKY_ROWS) + 0.5)[:, None] / SKY_ROWS * np.pi
    around = (np.arange(2 * SKY_ROWS) + 0.5)[None] / SKY_ROWS * np.pi
    x, z = np.sin(polar) * np.sin(around), -np.sin(polar) * np.cos(around)
    return np.stack([x, np.broadcast_to(np.cos(polar), x.shape), z], axis=-1)


def _shine(light: Light, yaw: float) -> Array:
    """Radiance (R, 2R) of a square lamp around a camera at `yaw` degrees."""
    azimuth, above = np.radians(light.azimuth + yaw), np.radians(light.elevation)
    way = np.array(
        [np.sin(azimuth) * np.cos(above), np.sin(above), np.cos(azimuth) * np.cos(above)]
    )
    right = np.array([np.cos(azimuth), 0, -np.sin(azimuth)])
    directions = sky_directions()
    towards = directions @ way
    plane = LAMP_DISTANCE / np.maximum(towards, 1e-6)
    half = light.size / 2
    wide = np.abs(directions @ right) * plane < half
    high = np.abs(directions @ np.cross(way, right)) * plane < half
    return np.where((towards > 0) & wide & high, light.power / light.size**2, 0.0)


def render(scene: dict[str, Any]) -> Array:
    """Linear radiance, float32 (S, S, C)."""
    mi = load_mitsuba()
    return np.asarray(mi.render(mi.load_dict(scene)), dtype=np.float32)
