"""The page on networks that draw detail follows from its results, and they from val and test."""

from dataclasses import replace
from pathlib import Path

from benchmark.results.files import read_all
from reports.scripts.perception_page import METRICS, NAME, page

REPORTS = Path(__file__).resolve().parents[2] / "reports"


def test_the_page_is_that_of_the_results():
    text = (REPORTS / f"{NAME}.md").read_text(encoding="utf-8")
    assert text == page(read_all(REPORTS / NAME)), "run: make reports"


def test_all_were_scored_on_the_same_faces_by_what_they_were_not_trained_on():
    by_task: dict[str, list] = {}
    for row in read_all(REPORTS / NAME):
        by_task.setdefault(row.task, []).append(row)
        assert row.split == "test"
        assert set(METRICS) <= set(row.scores)
        assert "lpips_alex" not in row.scores
    for rows in by_task.values():
        assert len({row.images_sha256 for row in rows}) == 1
        assert len({row.budget for row in rows}) == 1


def test_several_trainings_are_one_row_with_what_they_differ_by():
    ours = "msrnet-perceptual"
    results = [row for row in read_all(REPORTS / NAME) if row.method != ours or row.seed == 1]
    apart = {0: 0.0, 1: 0.3, 2: -0.3}
    several = [
        replace(row, seed=seed, means={**row.means, "psnr_y": row.means["psnr_y"] + shift})
        for row in results
        for seed, shift in apart.items()
        if row.method == ours and row.references
    ]
    others = [row for row in results if row.method != ours or not row.references]
    text = page([*others, *several])
    assert "| MSRNet, perceptual, K = 5 | 3 |" in text
    assert "| MSRNet, perceptual, K = 5 over MSRNet, perceptual | 3 and 1 |" in text
    more = [replace(row, seed=seed) for row in others for seed in apart]
    assert "over MSRNet, perceptual | 3 (±0.30) |" in page([*more, *several])
