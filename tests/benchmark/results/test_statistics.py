from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel, wilcoxon

from benchmark.results.statistics import (
    bootstrap,
    bootstrap_p,
    holm,
    interval,
    ranks,
    resampled_means,
)


def _rows(*gains: float, images: int = 300, noise: float = 0.2) -> np.ndarray:
    """Methods of known quality: images differ much, methods on one image little."""
    rng = np.random.default_rng(0)
    images_differ = rng.normal(27, 2, images)
    return np.array([images_differ + gain + rng.normal(0, noise, images) for gain in gains])


def test_resampling_by_counts_is_resampling_by_images():
    values = np.random.default_rng(1).normal(10, 2, 50)
    draws = np.random.default_rng(0).integers(0, 50, (2000, 50))
    assert resampled_means(values[None])[:, 0] == pytest.approx(values[draws].mean(1), abs=1e-12)
    assert bootstrap(values.tolist()) == pytest.approx(
        np.quantile(values[draws].mean(1), [0.025, 0.975]), abs=1e-12
    )


def test_paired_intervals_are_those_of_the_differences():
    scores = _rows(0, 0.1)
    means = resampled_means(scores)
    paired = bootstrap((scores[1] - scores[0]).tolist())
    assert interval(means[:, 1] - means[:, 0]) == pytest.approx(paired, abs=1e-9)


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


def test_holm_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []


def test_ties_share_a_rank():
    scores = _rows(1, 0, 1.001, 0.5)
    assert ranks(scores, bootstrap_p(scores)) == [1, 4, 1, 3]


def test_one_row_is_first():
    scores = _rows(0)
    assert ranks(scores, bootstrap_p(scores)) == [1]


def test_correction_keeps_chance_from_ranking_many_equal_rows():
    scores = _rows(*[0.0] * 20)
    found = bootstrap_p(scores)
    assert (found[np.triu_indices(20, 1)] < 0.05).any()
    assert ranks(scores, found) == [1] * 20
