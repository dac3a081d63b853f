import numpy as np
import pytest

from faceref.embed.align import ARCFACE
from faceref.embed.base import Detection
from faceref.embed.choice import central_face, likely_faces


def _face(x: float, y: float, side: float) -> Detection:
    """A square face around (x, y)."""
    half = side / 2
    return Detection((x - half, y - half, x + half, y + half), 0.9, ARCFACE.template)


BYSTANDER, SUBJECT = _face(1500, 1000, 200), _face(1000, 1000, 200 * 4.5**0.5)


@pytest.mark.case("B7")
def test_a_large_subject_off_centre_is_taken_and_no_bystander_at_the_centre():
    assert central_face([BYSTANDER, SUBJECT], 3000, 2000) is BYSTANDER
    assert [face for face, _ in likely_faces([BYSTANDER, SUBJECT], 3000, 2000)] == [SUBJECT]


@pytest.mark.parametrize("scale", [0.05, 1, 7])
def test_the_size_of_the_photograph_does_not_matter(scale: float):
    places = [(900, 700, 300), (1800, 900, 320), (2900, 1900, 100)]
    faces = [_face(*(scale * value for value in place)) for place in places]
    found = likely_faces(faces, round(3000 * scale), round(2000 * scale))
    assert [faces.index(face) for face, _ in found] == [1, 0]
    assert [weight for _, weight in found] == pytest.approx([1, 0.7086], abs=2e-3)


def test_of_equal_faces_the_nearer_to_the_centre_weighs_more():
    corner, third, centre = _face(2999, 1999, 80), _face(2000, 1333, 80), _face(1500, 1000, 80)
    assert [face for face, _ in likely_faces([corner, third, centre], 3000, 2000)] == [
        centre,
        third,
    ]
    weights = dict(likely_faces([third, centre], 3000, 2000))
    assert weights[third] == pytest.approx(np.exp(-2 / 9), abs=1e-3)


@pytest.mark.parametrize(("smaller", "likely"), [(69, 1), (72, 2)])
def test_half_of_the_best_weight_is_a_toss(smaller: float, likely: int):
    pair = [_face(1000, 1000, 100), _face(2000, 1000, smaller)]
    assert len(likely_faces(pair, 3000, 2000)) == likely


def test_a_couple_side_by_side_is_a_toss():
    pair = [_face(1000, 1000, 400), _face(2000, 950, 430)]
    assert len(likely_faces(pair, 3000, 2000)) == 2
