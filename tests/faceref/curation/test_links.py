import numpy as np
import pytest

from faceref.curation.links import (
    Neighbours,
    connect,
    find_neighbours,
    group_names,
    pairs_above,
)
from faceref.embed.base import normalise


def people(count: int, shots: int, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """Embeddings of `shots` images of each of `count` people, in order, (count * shots, 64)."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(normalise(rng.normal(size=(count, 64))), shots, axis=0)
    return normalise(centres + rng.normal(0, noise, centres.shape))


def _groups(vectors: np.ndarray, threshold: float | None) -> np.ndarray:
    pairs = pairs_above(find_neighbours(vectors), threshold)
    return connect(len(vectors), pairs.left, pairs.right)


def test_people_well_apart_are_found_and_numbered_by_first_image():
    vectors = people(20, 5)
    order = np.random.default_rng(1).permutation(100)
    groups = _groups(vectors[order], 0.6)
    true = order // 5
    seen: dict[int, int] = {}
    expected = [seen.setdefault(int(person), len(seen)) for person in true]
    assert groups.tolist() == expected


def test_a_chain_is_one_group():
    angles = np.linspace(0, np.pi, 30)
    chain = normalise(np.stack([np.cos(angles), np.sin(angles)], 1))
    step = float(np.cos(angles[1]))
    assert set(_groups(chain, step - 1e-4)) == {0}
    assert len(set(_groups(chain, step + 1e-4))) == 30


def test_neighbours_are_those_of_brute_force_without_the_image_itself():
    vectors = people(30, 3, 0.2)
    found = find_neighbours(vectors, 7)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    assert np.allclose(found.scores, -np.sort(-scores, axis=1)[:, :7], atol=1e-5)
    assert np.allclose(np.take_along_axis(scores, found.rows, 1), found.scores, atol=1e-5)


def test_equal_images_do_not_hide_each_other():
    vectors = np.tile(np.array([[1, 0]], np.float32), (40, 1))
    found = find_neighbours(vectors, 32)
    assert found.rows.shape == (40, 32)
    assert (found.rows != np.arange(40)[:, None]).all()
    assert set(_groups(vectors, 0.9)) == {0}


def test_few_images_have_few_neighbours():
    assert find_neighbours(np.eye(3, dtype=np.float32)).rows.shape == (3, 2)


def test_a_pair_is_given_once_with_its_score():
    neighbours = Neighbours(np.array([[1], [0], [0]]), np.array([[0.9], [0.9], [0.5]], np.float32))
    pairs = pairs_above(neighbours, 0.6)
    assert (pairs.left.tolist(), pairs.right.tolist()) == ([0], [1])
    assert pairs.scores.tolist() == pytest.approx([0.9])
    assert len(pairs_above(neighbours, 0.4)) == 2
    assert len(pairs_above(neighbours, None)) == 0


def test_without_a_threshold_everybody_is_alone():
    assert _groups(people(2, 2), None).tolist() == [0, 1, 2, 3]


def test_components_are_numbered_by_first_member():
    assert connect(5, np.array([1, 3]), np.array([4, 2])).tolist() == [0, 1, 2, 2, 1]
    assert group_names([0, 12]) == ["group-00000", "group-00012"]
