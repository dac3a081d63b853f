import numpy as np
import pytest

from faceref.synthetic.film import scatter
from faceref.synthetic.palette import encode, linear


def test_srgb_round_trip():
    codes = np.arange(256).reshape(-1, 1).repeat(3, axis=1)
    assert (encode(linear(codes)) == codes).all()


def test_scatter_keeps_albedo_texture_and_softens_light():
    rng = np.random.default_rng(0)
    albedo = rng.uniform(0.3, 0.7, (32, 32, 3))
    light = np.where(np.arange(32)[None, :, None] < 16, 0.2, 0.22) * (albedo + 0.02)
    cover = np.ones((32, 32), dtype=bool)
    soft = scatter(light, albedo, cover, 1.0) / (albedo + 0.02)
    assert soft[:, :8] == pytest.approx(np.full((32, 8, 3), 0.2), rel=1e-2)
    step = np.abs(np.diff(soft, axis=1)).max(axis=(0, 1))
    assert (step < 0.02).all()
    assert step[0] < step[2]  # red travels furthest


def test_scatter_leaves_what_is_not_skin():
    light = np.random.default_rng(0).uniform(size=(16, 16, 3))
    cover = np.zeros((16, 16), dtype=bool)
    assert (scatter(light, light, cover, 1.0) == light).all()
