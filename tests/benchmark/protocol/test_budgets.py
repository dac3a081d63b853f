"""Budgets by name, also for another number of training faces."""

from dataclasses import replace
from typing import Any

import pytest

from benchmark.protocol.budgets import BUDGETS, budget, known_budget
from faceref.errors import FaceRefError


def test_a_number_of_faces_keeps_the_recipe():
    found = budget("small-40000")
    assert found == replace(BUDGETS["small"], name="small-40000", samples=40_000)
    assert found.steps == 2_500


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tiny",
        "tiny-100",
        "small-",
        "small-0",
        "small-040",
        "small-4e4",
        "small--5",
        "small-" + 5000 * "9",
        5,
    ],
)
def test_unknown_budgets_are_named_with_the_choices(name: Any):
    with pytest.raises(FaceRefError, match=r"Unknown budget .*medium, small, small-40000"):
        budget(name)


def test_the_number_of_the_budget_itself_is_the_budget():
    assert budget("small-16000") == BUDGETS["small"]


def test_fewer_steps_than_the_warm_up_are_refused():
    with pytest.raises(FaceRefError, match=r"has 7 steps, and .* for 50. Give more than 800 faces"):
        budget("small-100")
    assert budget("small-801").steps == 51


@pytest.mark.parametrize("name", ["", "tiny", "small-0"])
def test_a_result_may_have_a_budget_that_is_not_known(name: str):
    assert known_budget(name) is None
