import numpy as np
import pytest

from faceref.curation.thresholds import PAIRS_PER_PERSON, calibrate, same_person_scores
from faceref.embed.base import normalise


def test_scores_are_of_pairs_of_one_person():
    vectors = normalise(np.array([[1, 0], [1, 1], [0, 1], [-1, 0]], np.float32))
    scores = same_person_scores(vectors, ["a", "a", "b", "b"], 0)
    assert sorted(scores.tolist()) == pytest.approx([0.0, np.sqrt(0.5)], abs=1e-6)


def test_somebody_with_many_images_does_not_outweigh_the_rest():
    rng = np.random.default_rng(0)
    vectors = normalise(rng.normal(size=(102, 4)))
    scores = same_person_scores(vectors, ["star"] * 100 + ["a"] * 2, 0)
    assert len(scores) == PAIRS_PER_PERSON + 1


def test_the_bound_is_the_quantile():
    angles = np.linspace(0, 1, 200)
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    labels = [f"p{row // 2}" for row in range(200)]
    bound = calibrate(vectors, labels, 0)
    step = float(np.cos(angles[1]))
    assert bound.value == pytest.approx(step, abs=1e-4)
    assert (bound.pairs, bound.quantile) == (100, 0.25)


def test_without_pairs_there_is_no_bound():
    bound = calibrate(np.eye(3, dtype=np.float32), ["a", "b", "c"], 0)
    assert bound.value is None
    assert bound.method.startswith("none")
