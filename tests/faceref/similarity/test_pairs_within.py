import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.similarity.search import fits, nearest_within


@pytest.mark.parametrize("tile", [2048, 64, 7])
def test_neighbours_of_a_set_within_itself(tile: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("faceref.similarity.search.TILE", tile)
    vectors = normalise(np.random.default_rng(0).normal(size=(150, 12)))
    scores, rows = nearest_within(vectors, 9)
    products = vectors.astype("f8") @ vectors.astype("f8").T
    np.testing.assert_array_equal(rows, np.argsort(-products, axis=1)[:, :9])
    np.testing.assert_allclose(scores, -np.sort(-products, axis=1)[:, :9], atol=1e-6)


def test_what_is_kept_is_bounded():
    assert fits(202_599, 60)
    assert not fits(10_000_000, 60)
