import numpy as np
import pytest
from insightface.utils.face_align import estimate_norm

from faceref.embed.align import ARCFACE, DLIB, SIZE, align, dlib_chip_matrix, similarity


def _moved(
    points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]
) -> np.ndarray:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (scale * points @ turn + np.array(shift)).astype(np.float32)


def test_similarity_finds_the_motion_that_was_made():
    moved = _moved(ARCFACE.template, 0.3, 2.0, (10, -4))
    matrix = similarity(ARCFACE.template, moved)
    assert np.allclose(ARCFACE.template @ matrix[:, :2].T + matrix[:, 2], moved, atol=1e-4)
    assert np.hypot(matrix[0, 0], matrix[1, 0]) == pytest.approx(2.0, abs=1e-5)


def test_similarity_of_noisy_points_is_that_of_insightface():
    noise = np.random.default_rng(0).normal(0, 2, (5, 2))
    points = (_moved(ARCFACE.template, -0.2, 1.7, (40, 30)) + noise).astype(np.float32)
    assert np.allclose(similarity(points, ARCFACE.template), estimate_norm(points, 128), atol=1e-3)


def test_similarity_refuses_points_that_coincide():
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2)), ARCFACE.template)


def test_aligning_an_aligned_face_changes_nothing():
    face = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    again, inside = align(face, ARCFACE.template, ARCFACE.template)
    assert np.array_equal(again, face)
    assert inside == 1.0


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.5, 6.0])
def test_landmarks_land_on_the_template(scale: float):
    points = _moved(ARCFACE.template, 0.25, scale, (90 * scale, 70 * scale))
    side = int(300 * scale)
    image = np.zeros((side, side, 3), np.uint8)
    for x, y in points.round().astype(int):
        reach = max(1, round(2 * scale))
        image[y - reach : y + reach + 1, x - reach : x + reach + 1] = 255
    face, inside = align(image, points, ARCFACE.template)
    assert inside == 1.0
    for x, y in ARCFACE.template.round().astype(int):
        assert face[y, x, 0] > 200
    assert (face[..., 0] > 128).mean() < 0.05


def test_inside_is_how_much_the_image_covers():
    image = np.full((SIZE, SIZE, 3), 9, np.uint8)
    _, inside = align(image, ARCFACE.template + np.array([64, 0], np.float32), ARCFACE.template)
    assert inside == pytest.approx(0.5, abs=0.01)


def test_both_schemes_put_the_eyes_in_the_same_place():
    left = DLIB.template[[2, 3]].mean(0)
    right = DLIB.template[[0, 1]].mean(0)
    assert np.allclose([left, right], ARCFACE.template[:2], atol=1e-3)
    assert DLIB.eye_distance(DLIB.template) == pytest.approx(35.24, abs=0.01)


def test_dlib_chip_shows_the_mean_shape_where_dlib_has_it():
    matrix = dlib_chip_matrix(150, 0.25)
    nose = DLIB.template[4] @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(nose, [(0.25 + 0.4901123) * 100, (0.25 + 0.6277975) * 100], atol=0.01)
