"""Runs all tests that are marked `case` and writes which case they cover, and how they ended.

`python tests/faults/cases.py --out reports/reliability/cases.json`
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "reports" / "reliability" / "cases.json"


class Collector:
    """A plugin of pytest: the tests of each case, and how each ended."""

    def __init__(self) -> None:
        self.cases: dict[str, list[str]] = {}
        self.ended: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests that are marked, and note of which cases."""
        marked = [item for item in items if item.get_closest_marker("case")]
        items[:] = marked
        for item in marked:
            for marker in item.iter_markers("case"):
                self.cases.setdefault(str(marker.args[0]), []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst of the phases of a test counts."""
        if report.when == "call" or report.outcome != "passed":
            self.ended[report.nodeid] = report.outcome

    def content(self) -> dict[str, Any]:
        """The content of `cases.json`."""
        found = {}
        for name in sorted(self.cases, key=_order):
            tests = sorted({test.partition("[")[0] for test in self.cases[name]})
            counts = Counter(self.ended.get(test, "failed") for test in self.cases[name])
            endings = {ending: counts[ending] for ending in ("passed", "skipped", "failed")}
            found[name] = {**endings, "tests": tests}
        return {
            "what": "inputs and faults, each with the tests that try it",
            "command": "python tests/faults/cases.py",
            "tried": len(found),
            "lost": sum(case["failed"] > 0 for case in found.values()),
            "cases": found,
        }


def _order(name: str) -> tuple[str, int, str]:
    """A1 before A10, and A before F."""
    number = re.match(r"[A-F](\d+)", name)
    return name[:1], int(number[1]) if number else 0, name


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description="Run the tests of all cases.")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON")
    given = parser.parse_args()
    collector = Collector()
    status = pytest.main(["-q", "--rootdir", str(ROOT), str(ROOT / "tests")], [collector])
    content = collector.content()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"{given.out}: {content['tried']} cases, {content['lost']} with a failure")
    raise SystemExit(int(status))


if __name__ == "__main__":
    main()
