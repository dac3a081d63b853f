import numpy as np
import pytest

from faceref.curation.links import find_neighbours
from faceref.curation.thresholds import BINS, Tail, find_same_person, measure, valley
from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.pipeline.recipe import Recipe
from tests.faceref.curation.test_links import people


def _counts(values: np.ndarray) -> np.ndarray:
    return np.histogram(values, BINS, (-1, 1))[0]


def _find(vectors: np.ndarray, labels: list, given: float | None = None):
    return find_same_person(vectors, labels, find_neighbours(vectors).nearest(), 0, given)


def test_the_tail_of_a_normal_distribution_is_found_again():
    values = np.random.default_rng(0).normal(0.05, 0.1, 3_000_000)
    tail = Tail.fit(_counts(values))
    assert tail.mean + 5 * tail.deviation == pytest.approx(0.55, abs=0.04)


def test_label_errors_do_not_move_the_threshold():
    vectors = people(400, 4, 0.09)
    labels = [f"p{row // 4}" for row in range(1600)]
    clean = _find(vectors, labels)
    wrong = np.random.default_rng(2).choice(1600, 80, replace=False)
    noisy = [f"p{row % 7}" if row in wrong else label for row, label in enumerate(labels)]
    assert clean.value is not None
    assert _find(vectors, noisy).value == pytest.approx(clean.value, abs=0.05)
    assert clean.same_person_recall is not None
    assert clean.pairs == 1600 * 1596 / 2


def test_hundreds_of_copies_of_one_person_under_other_names_do_not_move_it():
    vectors = people(400, 3, 0.09)
    labels = [f"p{row // 3}" for row in range(1200)]
    copies = np.concatenate([vectors, np.repeat(vectors[:1], 60, axis=0)])
    found = _find(copies, [*labels, *(f"p{row}" for row in range(100, 160))])
    assert found.value == pytest.approx(_find(vectors, labels).value, abs=0.06)


def test_more_images_need_a_higher_threshold():
    values = [
        _find(vectors, _names(vectors)).value or 0 for vectors in (people(100, 2), people(900, 2))
    ]
    assert values[0] < values[1]


def _names(vectors: np.ndarray) -> list[str]:
    return [f"p{row // 2}" for row in range(len(vectors))]


def test_without_labels_the_valley_lies_between_the_modes():
    rng = np.random.default_rng(0)
    modes = np.concatenate([rng.normal(0.4, 0.04, 3000), rng.normal(0.8, 0.05, 3000)])
    assert valley(_counts(modes)) == pytest.approx(0.58, abs=0.06)


def test_one_mode_has_no_valley_and_the_method_says_so():
    vectors = people(300, 1)
    found = _find(vectors, [None] * 300)
    assert found.value is None
    assert found.method == "none: nearest neighbours have no valley"


def test_singles_and_pairs_without_labels_are_distinguished():
    vectors = np.concatenate([people(300, 2, 0.05), people(300, 1, seed=5)])
    found = _find(vectors, [""] * 900)
    assert found.method == "valley of nearest neighbours"
    assert 0.5 < (found.value or 0) < 0.9


def test_a_given_threshold_is_taken():
    found = _find(people(20, 2), _names(people(20, 2)), 0.7)
    assert (found.value, found.method) == (0.7, "given")


def test_nobody_dominates_the_pairs():
    vectors = people(1, 500)
    labels = ["star"] * 498 + ["a", "b"]
    counted = measure(vectors, labels, np.zeros(500), 0).different.sum()
    assert counted == 4 + 4 + 1


def test_a_senseless_threshold_is_refused():
    with pytest.raises(FaceRefError, match="same_person=2"):
        Recipe(same_person=2)


def test_few_pairs_give_no_threshold_and_tie_nobody():
    rng = np.random.default_rng(0)
    vectors = normalise(rng.normal(size=(28, 64)) + 0.5)
    labels = [f"p{row // 7}" for row in range(28)]
    found = find_same_person(vectors, labels, np.full(28, 0.5), seed=0)
    assert found.value is None
    assert found.method.startswith("none: 96 pairs of different people")
