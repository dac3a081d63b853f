import numpy as np

from faceref.synthetic.cover import PosedSkin, dense, skin_cover
from faceref.synthetic.scene import Camera

CAMERA = Camera(np.array([0, 0, 1.0]), np.zeros(3), np.array([0, 1.0, 0]), span=0.2, size=32)


def wall() -> PosedSkin:
    """A plane of 0.1 m that faces the camera, red on its left half."""
    n = 80
    x, y = np.meshgrid(np.linspace(-0.05, 0.05, n), np.linspace(-0.05, 0.05, n))
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1)
    k = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.stack([k, k + 1, k + n], axis=1)
    normals = np.tile([0, 0, 1.0], (n * n, 1))
    colour = np.where(vertices[:, :1] < 0, [[0.8, 0.1, 0.1]], [[0.1, 0.1, 0.8]])
    nothing = np.zeros(n * n, dtype=bool)
    return PosedSkin(vertices, normals, faces, colour, nothing * 1.0, nothing)


def test_mask_and_albedo_of_a_wall():
    far = np.array([[0, 0, -1.0]])
    albedo, mask = skin_cover(CAMERA, wall(), [far])
    assert mask[10:22, 10:22].all()
    assert not mask[:7].any()
    assert albedo[16, 12, 0] > 0.7
    assert albedo[16, 20, 2] > 0.7


def test_hair_in_front_takes_its_pixels_out():
    strand = np.array([[[0, -0.04, 0.01], [0, 0.04, 0.01]]])
    _, mask = skin_cover(CAMERA, wall(), [dense(strand, 50)])
    assert not mask[10:22, 15:17].any()
    assert mask[12:20, 10:13].all()
