"""A few seconds of what `python -m tests.fuzz.tables` does at length."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz.table_kinds import KINDS, Kind
from tests.fuzz.table_mutations import sign_result
from tests.fuzz.tables import attempts, fuzz

CASES = 12
_made: dict[object, Path] = {}


@pytest.fixture
def sound(kind: Kind, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound files of a kind; kinds that differ in what is damaged alone have them made once."""
    if kind.make not in _made:
        _made[kind.make] = tmp_path_factory.mktemp("sound") / "base"
        _made[kind.make].mkdir()
        kind.make(_made[kind.make])
    return Path(shutil.copytree(_made[kind.make], tmp_path / "base"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_is_one_line(kind: Kind, sound: Path):
    kind.open(sound)
    answers = list(attempts(kind, sound, range(CASES), seed=1))
    assert [answer for answer in answers if answer[1] == "escaped"] == []
    assert len(answers) == CASES
    assert any(answer[1] == "refused" for answer in answers)


def test_a_child_tries_the_same_and_counts_it(tmp_path: Path):
    kind = next(kind for kind in KINDS if kind.name == "ids and attributes")
    found = fuzz(kind, CASES, seed=1, keep=tmp_path / "escaped")
    assert (found.tried, found.escaped) == (CASES, 0)
    assert found.refused > 0


def test_a_result_nested_too_deep_to_sign_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "result.json"
    path.write_text(deep := "[" * 100_000)
    path.with_suffix(".parquet").write_bytes(b"")
    sign_result(path)
    assert path.read_text() == deep
