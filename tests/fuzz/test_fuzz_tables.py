"""A few seconds of what `python -m tests.fuzz.tables` does at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.table_kinds import KINDS, Kind
from tests.fuzz.table_mutations import sign_result
from tests.fuzz.tables import fuzz


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_is_one_line(kind: Kind, tmp_path: Path, capsys: pytest.CaptureFixture):
    found = fuzz(kind, 12, seed=1, keep=tmp_path / "escaped")
    assert found.escaped == 0, capsys.readouterr().out
    assert found.tried == 12
    assert found.refused > 0


def test_a_result_nested_too_deep_to_sign_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "result.json"
    path.write_text(deep := "[" * 100_000)
    path.with_suffix(".parquet").write_bytes(b"")
    sign_result(path)
    assert path.read_text() == deep
