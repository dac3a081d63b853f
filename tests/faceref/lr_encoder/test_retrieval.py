import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.lr_encoder.retrieval import best, retrieve


def _vectors(count: int, seed: int) -> np.ndarray:
    return normalise(np.random.default_rng(seed).normal(size=(count, 12)))


def test_the_truth_retrieves_itself():
    probes, pool = _vectors(300, 0), _vectors(200, 1)
    found = retrieve(probes, pool, probes, pool)
    nearest = np.sort(probes @ pool.T, axis=1)[:, ::-1][:, :5]
    assert found.recall.tolist() == [1.0] * 300
    assert np.allclose(found.cosine, nearest.mean(1), atol=1e-6)
    assert found.rows.shape == (300, 5)


def test_against_a_plain_loop():
    probes, pool, vectors = _vectors(40, 0), _vectors(150, 1), _vectors(40, 2)
    same = np.random.default_rng(3).random((40, 150)) < 0.1
    found = retrieve(vectors, pool, probes, pool, same)
    for row in range(40):
        free = [place for place in range(150) if not same[row, place]]
        guessed = sorted(free, key=lambda place: -(pool[place] @ vectors[row]))
        nearest = sorted(free, key=lambda place: -(pool[place] @ probes[row]))[:5]
        assert found.rows[row].tolist() == guessed[:5]
        true = np.mean([pool[place] @ probes[row] for place in guessed[:5]])
        assert found.cosine[row] == pytest.approx(true, abs=1e-6)
        assert found.recall[row] == pytest.approx(len(set(nearest) & set(guessed[:50])) / 5)


def test_ties_go_by_place_and_small_pools_are_taken_whole():
    assert best(np.array([[1.0, 3.0, 3.0, 2.0]]), 3).tolist() == [[1, 2, 3]]
    assert best(np.ones((1, 2)), 50).tolist() == [[0, 1]]
    few = _vectors(3, 0)
    assert retrieve(few, few, few, few).rows.shape == (3, 3)
    assert retrieve(few[:0], few, few[:0], few).cosine.shape == (0,)
