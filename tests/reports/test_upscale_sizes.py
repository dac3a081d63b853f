"""The page of the study follows from its numbers, and they say what the tool says."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.training.export import pretrained
from benchmark.upscaling.networks import LIMITS
from reports.scripts import upscale_sizes_page
from reports.scripts.upscale_sizes import DAMAGED_SIZES, DAMAGES, SIZES

REPORTS = Path(__file__).resolve().parents[2] / "reports"


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """The committed numbers."""
    return json.loads((REPORTS / "upscale_sizes.json").read_text(encoding="utf-8"))


def test_the_page_is_that_of_the_numbers(known: dict[str, Any]):
    text = (REPORTS / "upscale_sizes.md").read_text(encoding="utf-8")
    assert text == upscale_sizes_page.page(known), "run: make reports"


def test_the_networks_are_those_of_the_package(known: dict[str, Any]):
    assert {one["scale"]: one["weights_sha256"] for one in known["networks"]} == {
        model.scale: model.sha256 for model in pretrained()
    }


def test_limits_are_those_that_val_chose(known: dict[str, Any]):
    assert upscale_sizes_page.best_on_val(known) == {
        size: next((scale for scale, limit in LIMITS.items() if size <= limit), None)
        for size in SIZES
    }


def test_on_test_the_tool_is_nowhere_below_bicubic(known: dict[str, Any]):
    rows = upscale_sizes_page.rows_of(known, "test")
    assert [row["size"] for row in rows] == list(SIZES)
    for row in rows:
        assert row["faces"] >= 200
        for way in ("tool", "detected"):
            assert row[way]["psnr_y"]["over_bicubic"][1] >= 0


@pytest.mark.parametrize("split", ["val", "test"])
def test_nor_is_it_with_jpeg_or_noise(known: dict[str, Any], split: str):
    rows = {damage: upscale_sizes_page.rows_of(known, split, damage) for damage in DAMAGES}
    sizes = [[row["size"] for row in found] for found in rows.values()]
    assert all(one == sizes[0] for one in sizes)
    assert {64, 96} <= set(sizes[0]) <= set(DAMAGED_SIZES)
    gains = [row["tool"]["psnr_y"]["over_bicubic"] for found in rows.values() for row in found]
    assert min(low for _, low, _ in gains) > 0
