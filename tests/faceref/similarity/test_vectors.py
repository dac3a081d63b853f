import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.similarity.vectors import Vectors, appearance, likeness


def test_appearance_is_normalised_correlation():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (2, 16, 16, 3), dtype=np.uint8)
    vectors = appearance(np.stack([images[0], images[0] + np.uint8(20)]))
    assert vectors[0] @ vectors[1] == pytest.approx(1, abs=1e-5)
    centred = images - images.mean((1, 2), keepdims=True)
    expected = (centred[0] * centred[1]).sum() / np.sqrt(
        (centred[0] ** 2).sum() * (centred[1] ** 2).sum()
    )
    first, second = appearance(images)
    assert first @ second == pytest.approx(expected, abs=1e-5)


def test_appearance_does_not_depend_on_blocks_nor_on_the_order_in_memory(
    monkeypatch: pytest.MonkeyPatch,
):
    images = np.random.default_rng(0).integers(0, 200, (5, 16, 16, 3), dtype=np.uint8)
    whole = appearance(images)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, rtol=1e-5)
    monkeypatch.setattr("faceref.similarity.vectors.BLOCK", 2)
    np.testing.assert_array_equal(appearance(images), whole)
    by_channel = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(appearance(by_channel), whole)


def _two(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    embeddings = normalise(rng.normal(size=(count, 64)))
    looks = normalise(rng.normal(size=(count, 6)))
    return embeddings, looks


def test_both_ranks_as_the_sum_of_z_scores():
    embeddings, looks = _two()
    both = likeness("both", Vectors(embeddings, embeddings), looks)
    tables = [vectors @ vectors.T for vectors in (embeddings, looks)]
    outside = ~np.eye(len(looks), dtype=bool)
    parts = [(table - table[outside].mean()) / table[outside].std() for table in tables]
    z = parts[0] + parts[1]
    found = both.queries @ both.keys.T
    assert np.corrcoef(found[outside], z[outside])[0, 1] > 0.9999
    assert np.allclose(np.linalg.norm(both.keys, axis=1), 1, atol=1e-5)


def test_both_keeps_the_two_sides_apart():
    embeddings, looks = _two()
    blind = embeddings[::-1].copy()
    both = likeness("both", Vectors(blind, embeddings), looks)
    assert np.allclose(both.queries[:, :64] / both.keys[::-1, :64], 1, atol=1e-4)
    assert np.array_equal(both.queries[:, 64:], both.keys[:, 64:])


def test_one_kind_alone_is_passed_through():
    embeddings, looks = _two(5)
    pair = Vectors(embeddings, embeddings)
    assert likeness("identity", pair, looks) is pair
    assert likeness("appearance", pair, looks).queries is looks
    with pytest.raises(FaceRefError, match=r"'beauty'.*appearance"):
        likeness("beauty", pair, looks)
