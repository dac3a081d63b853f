import re

import pytest

from benchmark.report.leaderboard import Leaderboard
from benchmark.report.site.answer import ASIDE, UNTRAINED, answer, pairs_of
from benchmark.report.site.build import plain_name
from benchmark.report.table import Table
from benchmark.results.result import Result
from tests.benchmark.made_results import made


def _given(quality: float, method: str = "msrnet", spread: float = 0.02) -> Result:
    return made(method, quality, spread=spread, references=5, reference_list="refs_lr")


def _alone(quality: float, method: str = "msrnet") -> Result:
    training = {"seconds": 1.0, "uses_references": True, "weights_sha256": method, "val_curve": []}
    return made(method, quality, spread=0.02, training=training)


def _table(*rows: Result) -> Table:
    (table,) = Leaderboard.of(rows).tables
    return table


BICUBIC = made("bicubic", 25, None, spread=0.02)


@pytest.mark.parametrize(
    ("gain", "begins"),
    [(0.06, "Hardly. With"), (0.3, "A little. With"), (1.2, "Yes. With"), (-0.2, "No. With")],
)
def test_the_answer_follows_the_part_that_references_give(gain: float, begins: str):
    found = answer(_table(_given(27 + gain), _alone(27), BICUBIC))
    assert found is not None
    assert found["words"].startswith(begins)
    assert found["rows"][0]["gain"]["mean"] == pytest.approx(gain, abs=1e-3)
    numbers = re.findall(r"\d+\.\d+", found["words"])
    assert numbers == ([f"{gain:.2f}", f"{2 + gain:.2f}"] if gain > 0 else [])


def test_a_gain_within_chance_is_none():
    found = answer(_table(_given(27.05, spread=3.0), _alone(27), BICUBIC))
    assert found is not None
    assert found["rows"][0]["gain"]["low"] < 0 < found["rows"][0]["gain"]["mean"]
    assert found["words"].startswith("No.")


def test_networks_that_learned_nothing_give_no_answer():
    found = answer(_table(_given(25.6), _alone(24.9), BICUBIC))
    assert found is not None
    assert found["words"] == UNTRAINED


def test_the_greatest_gain_comes_first_and_is_called_the_most():
    rows = [_given(27.1), _alone(27), _given(26.5, "ttsr_s"), _alone(26.0, "ttsr_s"), BICUBIC]
    table = _table(*rows)
    assert [pair.given.method for pair in pairs_of(table)] == ["ttsr_s", "msrnet"]
    found = answer(table)
    assert found is not None
    assert "at most 0.50 dB" in found["words"]


def test_variants_and_rows_without_a_twin_are_no_pairs():
    variant = "msrnet-near"
    rows = [_given(27.1), _given(29, variant), _alone(25, variant), _given(20, "mean_reference")]
    assert answer(_table(*rows, BICUBIC)) is None


def test_without_bicubic_only_the_gain_is_said():
    found = answer(_table(_given(27.3), _alone(27)))
    assert found is not None
    assert (
        found["words"]
        == f"With references the same network scores 0.30 dB higher than with none. {ASIDE}"
    )


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (_given(27), "MSRNET (5 references)"),
        (_alone(27), "MSRNET (no references)"),
        (
            made("near", 20, references=1, reference_list="refs_hr"),
            "NEAR (1 reference found with HR)",
        ),
        (BICUBIC, "BICUBIC"),
    ],
)
def test_names_of_rows_are_plain(row: Result, name: str):
    assert plain_name(row) == name
