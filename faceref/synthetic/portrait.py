"""A studio (the shared assets), a sitter (one person made ready) and the pictures taken of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from faceref.synthetic import scene
from faceref.synthetic.background import paint_background
from faceref.synthetic.cover import PosedSkin, dense, skin_cover
from faceref.synthetic.eyes import build_eyeball, paint_iris
from faceref.synthetic.film import develop, scatter
from faceref.synthetic.hair import comb
from faceref.synthetic.head import EYES, HeadModel
from faceref.synthetic.identity import Person
from faceref.synthetic.latent import generator
from faceref.synthetic.mesh import normals, triangles
from faceref.synthetic.palette import FRAME_COLOURS
from faceref.synthetic.regions import build_bust, build_regions
from faceref.synthetic.shot import Shot
from faceref.synthetic.skin import paint_skin
from faceref.synthetic.strands import Strands, root_beard, root_brows
from faceref.synthetic.wear import dress, glasses

Array = np.ndarray
SKIN = {
    "type": "principled",
    "base_color": {"type": "mesh_attribute", "name": "vertex_color"},
    "roughness": {"type": "mesh_attribute", "name": "vertex_rough"},
    "specular": 0.42,
    "sheen": 0.1,
}
TEETH = {"type": "principled", "base_color": scene.rgb([0.72, 0.66, 0.55]), "roughness": 0.25}
TONGUE = {"type": "diffuse", "reflectance": scene.rgb([0.35, 0.10, 0.09])}
LASHES = {"type": "diffuse", "reflectance": scene.rgb([0.015, 0.012, 0.01])}
LASH_OPACITY = {"1": 0.55, "2": 0.3}


class Studio:
    """Head model, bust and masks that every person shares."""

    def __init__(self) -> None:
        self.head = HeadModel()
        self.bust = build_bust(self.head)
        self.regions = build_regions(self.head, self.bust)
        names = sorted(name for name in self.head.base.quads if name.startswith("helper-"))
        self.parts = [n for n in names if "teeth" in n or "eyelash" in n or "tongue" in n]


class Sitter:
    """A person with skin, hair and eyes made once for all pictures."""

    def __init__(self, studio: Studio, person: Person) -> None:
        self.studio, self.person = studio, person
        neutral = studio.head.vertices(person.build, person.shape)
        self.skin = paint_skin(studio.bust.points, studio.regions, person)
        combed = comb(studio.bust, studio.regions, person, neutral)
        self.hair = [scene.curves(strands) for strands in combed if len(strands.points)]
        self.hair_points = np.concatenate([dense(s.points, 4) for s in combed])
        self.brows = root_brows(studio.bust, person)
        self.beard = root_beard(studio.bust, studio.regions, person)
        self.iris = paint_iris(person).astype(np.float32)

    def take(self, shot: Shot, size: int, samples: int) -> Array:
        """One picture, uint8 RGB (size, size, 3), of `samples` paths a pixel."""
        studio = self.studio
        base = studio.head.vertices(self.person.build, self.person.shape, shot.expression)
        skin = self._pose(base, shot)
        short = self._short_hair(skin)
        things = self._things(base, short, shot)
        camera = scene.aim_camera(shot, size)
        light, alpha = self._light(things, skin, camera, shot, samples)
        hiders = [self.hair_points, *(dense(s.points, 2) for s in short.values())]
        albedo, cover = skin_cover(camera, skin, [*hiders, *(base[eye] for eye in EYES.values())])
        light = scatter(light, albedo, cover, 1000 * shot.span / size)
        backdrop = paint_background(shot.key, size)
        return develop(light, alpha, backdrop, shot, self.person.skin.melanin)

    def _pose(self, base: Array, shot: Shot) -> PosedSkin:
        bust, regions = self.studio.bust, self.studio.regions
        surface = dress(bust.points, regions, shot.key, self.skin)
        smooth = bust.fine @ base[bust.used]
        rough = smooth + normals(smooth, bust.fine_faces) * surface.relief[:, None]
        hidden = (regions.cloth > 0.01) | (regions.cavity > 0.3)
        normal = normals(rough, bust.fine_faces)
        colour, roughness = surface.colour, surface.roughness
        return PosedSkin(rough, normal, bust.fine_faces, colour, roughness, hidden)

    def _short_hair(self, skin: PosedSkin) -> dict[str, Strands]:
        patches = {"brows": self.brows, "beard": self.beard}
        mesh = (skin.vertices, skin.normals, skin.faces)
        return {name: patch.grow(*mesh) for name, patch in patches.items() if patch is not None}

    def _things(self, base: Array, short: dict[str, Strands], shot: Shot) -> dict[str, Any]:
        """Everything but the skin."""
        things: dict[str, Any] = {f"hair{i}": hair for i, hair in enumerate(self.hair)}
        things |= {name: scene.curves(strands) for name, strands in short.items()}
        for side in EYES:
            things[f"eye_{side}"] = self._eye(base, side, shot.gaze)
        for name in self.studio.parts:
            things[name] = self._part(name, base)
        if self.person.glasses is not None:
            width, square, frame = self.person.glasses
            radius = 0.0011 + 0.0003 * abs(width)
            red, green, blue = FRAME_COLOURS[frame].tolist()
            wire = glasses(base, width, square)
            things["glasses"] = scene.curves(Strands(wire, radius, radius, (red, green, blue)))
        return things

    def _eye(self, base: Array, side: str, gaze: tuple[float, float]) -> Any:
        part = EYES[side]
        eye = build_eyeball(base[part], self.studio.head.template[part], gaze)
        bitmap = scene.load_mitsuba().Bitmap(self.iris)
        texture = {"type": "bitmap", "bitmap": bitmap, "raw": True, "wrap_mode": "clamp"}
        bsdf = {"type": "principled", "base_color": texture, "roughness": 0.6, "specular": 0.05}
        wet = scene.two_sided(bsdf | {"clearcoat": 0.8, "clearcoat_gloss": 0.97})
        return scene.mesh(side, eye.vertices, eye.faces, eye.normals, wet, uv=eye.uv)

    def _part(self, name: str, base: Array) -> Any:
        used, flat = np.unique(self.studio.head.base.quads[name], return_inverse=True)
        faces = triangles(flat.reshape(-1, 4))
        if "eyelash" in name:
            opacity = LASH_OPACITY[name[-1]]
            bsdf = {"type": "mask", "opacity": opacity, "bsdf": scene.two_sided(LASHES)}
        else:
            bsdf = scene.two_sided(TEETH if "teeth" in name else TONGUE)
        return scene.mesh(name, base[used], faces, normals(base[used], faces), bsdf)

    def _light(
        self,
        things: dict[str, Any],
        skin: PosedSkin,
        camera: scene.Camera,
        shot: Shot,
        samples: int,
    ) -> tuple[Array, Array]:
        rng = generator(shot.key, "sky")
        seed = int(rng.integers(1 << 16))
        attributes = {"color": skin.colour, "rough": skin.roughness}
        world: dict[str, Any] = {"type": "scene", "sky": scene.sky(shot, rng)}
        world["integrator"] = {"type": "path", "max_depth": 4, "rr_depth": 2, "hide_emitters": True}
        mesh, bsdf = (skin.vertices, skin.faces, skin.normals), scene.two_sided(SKIN)
        world["skin"] = scene.mesh("skin", *mesh, bsdf, attributes=attributes)
        image = scene.render(world | things | {"sensor": camera.sensor(samples, seed, "rgba")})
        return np.maximum(image[..., :3], 0), np.clip(image[..., 3], 0, 1)


def landmarks(studio: Studio, person: Person, shot: Shot, size: int) -> Array:
    """Pixels (x, y), (5, 2), of eyes, nose tip and mouth corners, image left first."""
    base = studio.head.vertices(person.build, person.shape, shot.expression)
    points = []
    for side in ("right", "left"):
        ball = base[EYES[side]]
        points.append([*ball.mean(axis=0)[:2], ball[:, 2].max()])
    chosen = [studio.regions.nose_tip, *studio.regions.mouth_corners]
    points.extend((studio.bust.fine[chosen] @ base[studio.bust.used]).tolist())
    return scene.aim_camera(shot, size).project(np.array(points))
