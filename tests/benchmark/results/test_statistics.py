from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_rel, wilcoxon

from benchmark.results.paired import paired
from benchmark.results.statistics import (
    bootstrap,
    holm,
    ranks,
    resample,
)
from benchmark.results.statistics import bootstrap_p as p_of_resampled


def _rows(*gains: float, images: int = 300, noise: float = 0.2) -> np.ndarray:
    """Methods of known quality: images differ much, methods on one image little."""
    rng = np.random.default_rng(0)
    images_differ = rng.normal(27, 2, images)
    return np.array([images_differ + gain + rng.normal(0, noise, images) for gain in gains])


def bootstrap_p(scores: np.ndarray) -> np.ndarray:
    return p_of_resampled(scores, resample(scores))


def test_resampling_by_counts_is_resampling_by_images():
    values = np.random.default_rng(1).normal(10, 2, 50)
    draws = np.random.default_rng(0).integers(0, 50, (2000, 50))
    means = resample(values[None]).means[:, 0]
    assert means == pytest.approx(values[draws].mean(1), abs=1e-12)
    # Of Student's t with 49 degrees of freedom, 1.01 times as wide.
    tail = norm.cdf(t.ppf(0.025, 49) * np.sqrt(50 / 49))
    assert bootstrap(values) == pytest.approx(np.quantile(means, [tail, 1 - tail]), abs=1e-12)
    assert tail == pytest.approx(0.0211, abs=1e-4)


def test_people_are_drawn_with_all_their_images():
    values, people = np.array([1.0, 2.0, 3.0, 10.0]), np.array([7, 3, 7, 3])
    draws = np.random.default_rng(0).integers(0, 2, (2000, 2))
    both = np.array([[2.0, 10.0], [1.0, 3.0]])  # Of person 3, and of person 7.
    found = resample(values[None], people)
    assert found.people == 2
    assert found.means[:, 0] == pytest.approx(both[draws].mean((1, 2)))
    alone = resample(values[None], np.zeros(4, int))
    assert (alone.means == resample(values[None]).means).all()


def test_intervals_and_p_hold_where_few_people_have_many_images():
    """Of 400 sets of seven people whose true difference is none."""
    rng, people = np.random.default_rng(5), np.repeat(np.arange(7), 6)
    kinds: dict[str, np.ndarray | None] = {"people": people, "images": None}
    covered, seen = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0)
    for _ in range(400):
        gain = rng.normal(0, 1, 7)[people] + rng.normal(0, 1, 42)
        for kind, groups in kinds.items():
            found = paired(gain, np.zeros(42), groups)
            covered[kind] += found.low <= 0 <= found.high
            seen[kind] += found.p < 0.05
    assert covered["people"] > 360 > 320 > covered["images"]
    assert seen["people"] < 32 < 80 < seen["images"]


def test_paired_intervals_are_those_of_the_differences():
    scores = _rows(0, 0.1)
    expected = bootstrap(scores[1] - scores[0])
    assert resample(scores).interval(1, 0) == pytest.approx(expected, abs=1e-9)


def test_bootstrap_p_is_close_to_the_paired_t_test():
    scores = _rows(0, 0.01, 0.03)
    found = bootstrap_p(scores)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        expected = ttest_rel(scores[one], scores[other]).pvalue
        assert found[one, other] == found[other, one]
        assert np.log10(found[one, other]) == pytest.approx(np.log10(expected), abs=0.35)


def test_bootstrap_and_wilcoxon_find_the_same_differences():
    scores = _rows(0, 0, 1)
    found = bootstrap_p(scores)
    assert found[0, 2] < 1e-6 > found[1, 2]
    assert found[0, 1] > 0.05
    for one, other in ((0, 1), (0, 2), (1, 2)):
        test: Any = wilcoxon(scores[one] - scores[other])
        assert (test.pvalue < 0.05) == (found[one, other] < 0.05)


def test_equal_rows_and_constant_differences():
    scores = _rows(0)
    scores = np.concatenate([scores, scores, scores + 0.5])
    found = bootstrap_p(scores)
    assert found[0, 1] == 1
    assert found[0, 2] < 1e-6


def test_of_one_image_nothing_is_beyond_chance():
    assert paired([20.0], [25.0]).p == 1


def test_holm_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []


def _differences(scores: np.ndarray) -> np.ndarray:
    average = scores.mean(1)
    return average[:, None] - average[None, :]


def test_ties_share_a_rank():
    scores = _rows(1, 0, 1.001, 0.5)
    assert ranks(_differences(scores), bootstrap_p(scores)) == [1, 4, 1, 3]


def test_one_row_is_first():
    scores = _rows(0)
    assert ranks(_differences(scores), bootstrap_p(scores)) == [1]


def test_correction_keeps_chance_from_ranking_many_equal_rows():
    scores = _rows(*[0.0] * 20)
    found = bootstrap_p(scores)
    assert (found[np.triu_indices(20, 1)] < 0.05).any()
    assert ranks(_differences(scores), found) == [1] * 20
