"""The page on networks that draw detail follows from its results, and they from val and test."""

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
