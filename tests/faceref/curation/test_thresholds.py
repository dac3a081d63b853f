import numpy as np
import pytest

from faceref.curation.links import find_neighbours
from faceref.curation.thresholds import BINS, Tail, find_same_person, measure, same_person_scores
from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.pipeline.recipe import Recipe
from tests.faceref.curation.test_links import people


def _counts(values: np.ndarray) -> np.ndarray:
    return np.histogram(values, BINS, (-1, 1))[0]


def _find(vectors: np.ndarray, labels: list, given: float | None = None):
    counts = measure(vectors, labels, find_neighbours(vectors).nearest(), 0)
    return find_same_person(counts, len(vectors), given)


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


@pytest.mark.parametrize(("count", "each"), [(40, 12), (300, 1), (20, 20), (250, 2)])
def test_without_labels_people_are_found_however_many_images_they_have(count: int, each: int):
    """Pairs of one person among all pairs do not move the threshold."""
    vectors = people(count, each, 0.06)
    found = _find(vectors, [None] * len(vectors))
    assert found.method == "body of all pairs"
    assert (found.pairs, found.false_match_rate, found.unlike) == (0, None, None)
    assert found.value is not None
    true = [f"p{row // each}" for row in range(len(vectors))]
    scores = same_person_scores(vectors, true, 0)
    assert each == 1 or (scores >= found.value).mean() > 0.95
    others = measure(vectors, true, np.zeros(len(vectors)), 0).different
    assert others[np.linspace(-1, 1, BINS) >= found.value].sum() <= max(2, len(vectors) / 50)


def test_labels_that_nobody_has_twice_say_no_more_than_none():
    vectors = people(40, 12, 0.06)
    labels = [str(row) for row in range(480)]
    assert _find(vectors, labels) == _find(vectors, [""] * 480)


def test_few_labelled_pairs_are_enough_for_the_body():
    vectors = people(20, 4, 0.06)
    found = _find(vectors, [f"p{row // 4}" for row in range(80)])
    assert found.method == "body of different-person pairs"
    assert found.same_person_recall is not None
    assert found.same_person_recall > 0.9


def test_a_given_threshold_is_taken():
    found = _find(people(20, 2), _names(people(20, 2)), 0.7)
    assert (found.value, found.method) == (0.7, "given")


def test_nobody_dominates_the_pairs():
    vectors = people(1, 500)
    labels = ["star"] * 498 + ["a", "b"]
    counted = measure(vectors, labels, np.zeros(500), 0).different.sum()
    assert counted == 4 + 4 + 1


def test_a_senseless_threshold_is_refused():
    with pytest.raises(FaceRefError, match="--same-person 2"):
        Recipe(same_person=2)


def test_few_pairs_give_no_threshold_and_tie_nobody():
    rng = np.random.default_rng(0)
    vectors = normalise(rng.normal(size=(28, 64)) + 0.5)
    labels = [f"p{row // 7}" for row in range(28)]
    found = find_same_person(measure(vectors, labels, np.full(28, 0.5), seed=0), 28)
    assert found.value is None
    assert found.method.startswith("none: 96 pairs of faces")
