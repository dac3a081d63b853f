import numpy as np
import pytest

from faceref.synthetic.mesh import normals, sample_surface, subdivide, triangles

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
QUADS = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
)


def test_cube_corner_moves_as_catmull_and_clark_say():
    matrix, quads = subdivide(8, QUADS)
    points = matrix @ CUBE
    assert (len(points), len(quads)) == (8 + 12 + 6, 24)
    # corner (1,1,1): (F + 2R + (n - 3) P) / n with F = 1/3, R = 2/3, n = 3
    assert points[7] == pytest.approx([5 / 9] * 3)
    # edge point: mean of the two ends (1, 1, 0) and the two face points (1/2, 1/2, 0)
    assert np.abs(points[8:20]).max() == pytest.approx(0.75)


def test_boundary_edges_stay_on_the_boundary():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
    matrix, _ = subdivide(4, np.array([[0, 1, 2, 3]]))
    points = matrix @ square
    assert points[4] == pytest.approx([0.5, 0, 0])
    assert points[0] == pytest.approx([0.125 + 0.0, 0.125, 0])


def test_subdivision_reproduces_a_constant():
    matrix, _ = subdivide(8, QUADS)
    assert matrix @ np.ones(8) == pytest.approx(np.ones(26))


def test_cube_normals_point_outwards():
    out = normals(CUBE, triangles(QUADS))
    assert ((out * CUBE).sum(axis=1) > 0.5).all()


def test_surface_points_follow_the_density():
    rng = np.random.default_rng(0)
    density = (CUBE[:, 2] > 0).astype(float)
    points = sample_surface(rng, CUBE, triangles(QUADS), density, 500)
    assert points.of(CUBE, triangles(QUADS))[:, 2] == pytest.approx(np.ones(500))
