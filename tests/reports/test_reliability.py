"""The page of what was tried to break the package."""

import json
from pathlib import Path

import pytest

from faceref.errors import FaceRefError
from reports.scripts import reliability

KILLED = {"tried": 7, "full_disk": 2, "vanished_source": 1, "told": 3, "finished": 4}
FUZZED = {"tried": 9, "right": 5, "refused": 4, "escaped": 0, "slowest_s": 0.2, "peak_mb": 80.5}
OF_ALL = {"command": "python x.py", "seed": 3, "tried": 1234, "lost": 1}


def _write(folder: Path) -> None:
    fuzzed = {**OF_ALL, "what": "images", "kinds": {"png": FUZZED}}
    content = {
        "kills": {
            **{**OF_ALL, "what": "commands killed", "not_compared": {"seconds": "a time"}},
            "kinds": {"train": {**KILLED, "same_bytes": 3, "lost": 1}},
        },
        "images": fuzzed,
        "tables": fuzzed,
        "cases": {
            **{**OF_ALL, "what": "cases"},
            "cases": {"A1": {"tests": ["a", "b"], "passed": 3, "skipped": 1, "failed": 0}},
        },
    }
    for name, one in content.items():
        (folder / f"{name}.json").write_text(json.dumps(one))


def test_the_page_says_what_was_tried_and_lost(tmp_path: Path):
    _write(tmp_path)
    text = reliability.page(reliability.read(tmp_path))
    assert text == reliability.page(reliability.read(tmp_path))
    lines = [line.replace(" ", "") for line in text.splitlines()]
    assert "|train|7|2|1|3|4|3|1|" in lines
    assert "|png|9|5|4|0|0.2|80.5|" in lines
    assert "|A1|2|3|1|0|" in lines
    assert "|commandskilled|1,234|1|3|`pythonx.py`|" in lines


def test_a_missing_file_is_an_error_with_the_command_that_makes_it(tmp_path: Path):
    _write(tmp_path)
    (tmp_path / "kills.json").unlink()
    with pytest.raises(FaceRefError, match=r"kills\.json is missing\. Make it: .*kill\.py --kills"):
        reliability.read(tmp_path)
