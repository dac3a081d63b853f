import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faceref.synthetic import scene
from faceref.synthetic.identity import draw_person
from faceref.synthetic.portrait import Sitter, Studio
from faceref.synthetic.scene import Camera, aim_camera, render, rgb, sky
from faceref.synthetic.shot import Light, draw_shot


def test_projection_agrees_with_the_renderer(synthetic_extra: None):
    camera = aim_camera(draw_shot(0, 4, 3), 64)
    assert camera.project(camera.target[None])[0] == pytest.approx([31.5, 31.5])
    for point in ([0.05, 0.03, 0.09], [-0.06, -0.08, 0.12]):
        glow = {"type": "area", "radiance": rgb([1, 1, 1])}
        ball = {"type": "sphere", "center": point, "radius": 0.01, "emitter": glow}
        integrator = {"type": "path", "max_depth": 1}
        sensor = camera.sensor(16, 0, "rgb")
        scene = {"type": "scene", "integrator": integrator, "ball": ball, "sensor": sensor}
        light = render(scene)[..., 0]
        rows, columns = np.mgrid[:64, :64]
        centre = [(light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()]
        assert camera.project(np.array([point]))[0] == pytest.approx(centre, abs=0.15)


def test_lamp_shines_from_where_the_shot_says(synthetic_extra: None):
    shot = draw_shot(0, 4, 0)
    for azimuth, elevation in ((60.0, 0.0), (-60.0, 0.0), (0.0, 60.0)):
        lamp = Light(azimuth, elevation, 0.4, 20.0, (1.0, 1.0, 1.0))
        lit = replace(shot, lights=(lamp,), yaw=0.0, ambient=0.01)
        camera = Camera(np.array([0, 0, 1.0]), np.zeros(3), np.array([0, 1.0, 0]), 0.2, 32)
        scene = {"type": "scene", "sky": sky(lit, np.random.default_rng(0))}
        scene["integrator"] = {"type": "path", "max_depth": 2, "hide_emitters": True}
        scene["ball"] = {"type": "sphere", "radius": 0.09}
        light = render(scene | {"sensor": camera.sensor(32, 0, "rgb")})[..., 0]
        rows, columns = np.mgrid[-1:1:32j, -1:1:32j]
        aside, down = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
        assert np.sign(round(aside, 1)) == np.sign(azimuth)
        assert (down < -0.1) == (elevation > 0)


def test_rendering_is_the_same_every_time(synthetic_extra: None, monkeypatch: pytest.MonkeyPatch):
    """Neither the order of shapes nor the threads of the host program change a bit of the light."""
    import drjit

    studio = Studio()
    sitter = Sitter(studio, draw_person(3, 0, studio.head.shape_names))
    shot, rng, seen = draw_shot(3, 0, 1), np.random.default_rng(0), set()

    def shuffled(world: dict[str, Any]) -> np.ndarray:
        keys = [key for key in world if key != "type"]
        order = ["type", *rng.permutation(keys).tolist()]
        names = {key: f"{rng.integers(100)}_{key}" for key in keys}
        light = render({names.get(key, "type"): world[key] for key in order})
        seen.add(hashlib.sha256(light.tobytes()).hexdigest())
        return light

    monkeypatch.setattr(scene, "render", shuffled)
    for _ in range(8):
        drjit.set_thread_count(4)
        sitter.take(shot, 64, 2)
    assert len(shot.lights) > 1
    assert len(seen) == 1
