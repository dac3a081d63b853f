from collections import Counter

import pytest

from faceref.errors import FaceRefError
from faceref.pipeline.splits import SplitRule, split_identities


def _people(sizes: list[int]) -> list[str]:
    return [f"p{person}" for person, size in enumerate(sizes) for _ in range(size)]


def test_shares_are_met_and_everybody_is_in_one_split():
    labels = _people([1 + person % 4 for person in range(400)])
    split = split_identities(labels, SplitRule(0.05, 0.1, seed=1))
    counts = Counter(split[label] for label in labels)
    assert counts["test"] / len(labels) == pytest.approx(0.1, abs=0.01)
    assert counts["val"] / len(labels) == pytest.approx(0.05, abs=0.01)
    assert set(split) == set(labels)


def test_the_seed_decides_and_the_order_does_not():
    labels = _people([2] * 100)
    first = split_identities(labels, SplitRule(seed=1))
    assert split_identities(labels[::-1], SplitRule(seed=1)) == first
    assert split_identities(labels, SplitRule(seed=2)) != first


def test_a_dominant_person_stays_in_train():
    labels = _people([1] * 200 + [100])
    for seed in range(20):
        assert split_identities(labels, SplitRule(seed=seed))["p200"] == "train"


@pytest.mark.parametrize(
    "sizes", [[1, 1, 1], [100, 100, 100], [1, 1, 100], [100, 1, 1], [5, 5, 5, 5]]
)
def test_every_split_has_somebody(sizes: list[int]):
    for seed in range(10):
        split = split_identities(_people(sizes), SplitRule(seed=seed))
        assert set(split.values()) == {"train", "val", "test"}


def test_two_people_are_too_few():
    with pytest.raises(FaceRefError, match="at least 3"):
        split_identities(["a", "b", "b"], SplitRule())


@pytest.mark.parametrize(("val", "test"), [(0, 0.1), (0.1, 0), (0.5, 0.5), (0.1, -1)])
def test_senseless_shares_are_refused(val: float, test: float):
    with pytest.raises(FaceRefError, match="--val"):
        SplitRule(val, test)


def test_a_person_of_one_image_is_not_all_of_a_split():
    images = [f"p{person}" for person in range(20) for _ in range(12)] + ["alone"]
    split = split_identities(images, SplitRule())
    held = Counter(split[person] for person in images)
    assert (held["test"], held["val"]) == (25, 24)
    assert split["alone"] == "test"


def test_somebody_with_most_of_the_images_does_not_fill_a_split():
    images = ["star"] * 60 + ["other"] * 20 + ["alone", "single"]
    split = split_identities(images, SplitRule())
    assert split == {"alone": "test", "single": "test", "other": "val", "star": "train"}
