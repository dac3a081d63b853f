import numpy as np
import pytest

from faceref.curation.label_noise import (
    MISLABELLED,
    ONE_PERSON,
    UNLIKE,
    LabelNoise,
    find_label_noise,
    own_similarity,
)
from faceref.curation.links import find_neighbours, pairs_above
from faceref.curation.thresholds import SamePerson
from tests.faceref.curation.test_links import people

SAME = SamePerson(0.7, "given", unlike=0.45)


def _doubts(vectors: np.ndarray, labels: list) -> list[LabelNoise]:
    neighbours = find_neighbours(vectors)
    return find_label_noise(vectors, labels, neighbours, pairs_above(neighbours, 0.7), SAME)


def _labels() -> list:
    return [f"p{row // 4}" for row in range(40)]


def test_clean_labels_raise_no_doubt():
    assert _doubts(people(10, 4), _labels()) == []


def test_a_moved_image_is_mislabelled_and_named_with_whom_it_shows():
    labels = _labels()
    labels[5] = "p8"
    found = _doubts(people(10, 4), labels)
    wrong = [doubt for doubt in found if doubt.kind == MISLABELLED]
    assert [(doubt.row, doubt.other // 4) for doubt in wrong] == [(5, 1)]
    assert wrong[0].similarity > 0.7 > 0.45 > (wrong[0].own or 0)
    pairs = [(doubt.row, doubt.other) for doubt in found if doubt.kind == ONE_PERSON]
    assert sorted(pairs) == [(4, 5), (5, 6), (5, 7)]


def test_a_stranger_under_a_label_is_unlike_it():
    vectors = people(10, 4)
    vectors[9] = people(1, 1, seed=9)[0]
    assert [(doubt.kind, doubt.row) for doubt in _doubts(vectors, _labels())] == [(UNLIKE, 9)]


def test_pairs_come_by_falling_similarity():
    labels = [f"{label}{'x' if row % 2 else ''}" for row, label in enumerate(_labels())]
    scores = [doubt.similarity for doubt in _doubts(people(10, 4), labels)]
    assert len(scores) == 40
    assert scores == sorted(scores, reverse=True)


def test_unlabelled_images_are_passed_over():
    labels: list = [None, ""] * 20
    assert _doubts(people(10, 4), labels) == []


def test_own_similarity_leaves_the_image_itself_out():
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    own = own_similarity(vectors, np.array(["a", "a", "a", "b"]))
    assert own[:3].tolist() == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0.0])
    assert np.isnan(own[3])
