from dataclasses import replace

import pytest

from benchmark.results.result import Result, merge_seeds
from benchmark.studies.gains import over_trainings, trainings_table
from tests.benchmark.made_results import made

GIVEN = {"references": 5, "reference_list": "refs_lr"}


def row(method: str, means: list[float], **setting: object) -> Result:
    """One row of a leaderboard: a training for each of `means`, of weights of its own."""
    seeds = []
    for seed, mean in enumerate(means):
        found = made(method, mean, **setting)  # pyright: ignore[reportArgumentType]
        training = {**(found.training or {}), "weights_sha256": f"{method}-{seed}"}
        seeds.append(replace(found, seed=seed, training=training))
    (merged,) = merge_seeds(seeds)
    return merged


def test_the_same_trainings_are_paired_and_others_are_two_samples():
    """By hand: differences 0.04, 0.05, 0.06; and Welch's t of 27.1 ± 0.1 and 26.8 ± 0.2."""
    given = row("msrnet", [27.04, 27.15, 27.26], **GIVEN)
    alone = row("msrnet", [27.0, 27.1, 27.2])
    rival = row("edsr", [26.6, 26.8, 27.0])
    own, other = over_trainings([(given, alone), (alone, rival)])
    t = 4.302653
    assert own.same_trainings
    assert own.trainings == (3, 3)
    assert own.mean == pytest.approx(0.05, abs=2e-5)
    assert own.high - own.mean == pytest.approx(t * 0.01 / 3**0.5, abs=2e-4)
    error = (0.01 / 3 + 0.04 / 3) ** 0.5
    freedom = (0.01 + 0.04) ** 2 / (0.01**2 / 2 + 0.04**2 / 2)
    assert freedom == pytest.approx(2.941, abs=1e-3)
    assert not other.same_trainings
    assert other.mean == pytest.approx(0.3, abs=2e-5)
    assert 3.182 * error < other.high - other.mean < 3.3 * error
    assert own.p == pytest.approx(2 * 0.0131, abs=5e-4)


def test_a_row_of_few_trainings_is_left_out_and_a_pair_is_listed_once():
    many, few = row("edsr", [27.0, 27.1, 27.05]), row("srcnn", [26.0, 26.1])
    assert over_trainings([(many, few), (few, many), (many, row("vdsr_s", [25.0]))]) == []
    assert over_trainings([(many, made("bicubic", 25, None))]) == []
    assert over_trainings([]) == []
    more = row("rcan_s", [26.9, 26.95, 26.92, 26.93])
    (line,) = over_trainings([(many, more), (many, more)])
    assert trainings_table([line])[-1].startswith("| EDSR - RCAN_S | 3 and 4 | +0.125 [")


def test_of_rows_that_share_some_trainings_only_these_count():
    given = row("msrnet", [27.04, 27.15, 27.26], **GIVEN)
    alone = row("msrnet", [27.0, 27.1, 27.2, 20.0])
    (line,) = over_trainings([(given, alone)])
    assert line.trainings == (3, 3)
    assert line.mean == pytest.approx(0.05, abs=2e-5)
    assert over_trainings([(given, row("msrnet", [27.0, 27.1]))]) == []
