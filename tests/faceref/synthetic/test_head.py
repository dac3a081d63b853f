import numpy as np
import pytest

from faceref.synthetic.head import AVERAGE, EYES, HeadModel, _macro_weights


@pytest.fixture(scope="module")
def head(synthetic_extra: None) -> HeadModel:
    return HeadModel()


def test_macro_weights_are_a_partition_of_unity():
    build = AVERAGE | {"female": 0.3, "old": 0.7, "muscle": 0.9, "weight": 0.2, "african": 0.8}
    weights = _macro_weights(build)
    for size in (4, 3):
        parts = [weight for key, weight in weights.items() if len(key) == size]
        assert sum(parts) == pytest.approx(1)


def test_average_head_is_as_big_as_a_head(head: HeadModel):
    left, right = (head.template[EYES[side]].mean(axis=0) for side in ("left", "right"))
    assert left[0] > 0 > right[0]
    assert 0.055 < left[0] - right[0] < 0.070  # metres, as in anthropometry
    assert left[1] == pytest.approx(0, abs=1e-6)


def test_head_is_linear_in_shape_and_expression(head: HeadModel):
    whole = head.vertices(AVERAGE, {}, {"jawOpen": 1.0}) - head.template
    half = head.vertices(AVERAGE, {}, {"jawOpen": 0.5}) - head.template
    assert 2 * half == pytest.approx(whole, abs=1e-12)
    chin = whole[:, 1].min()
    assert -0.06 < chin < -0.005


def test_left_target_moves_the_left_side_only(head: HeadModel):
    moved = head.vertices(AVERAGE, {"l-ear-scale-incr": 1.0}) - head.template
    touched = head.template[np.abs(moved).sum(axis=1) > 1e-6]
    assert len(touched) > 50
    assert touched[:, 0].min() > 0.04
