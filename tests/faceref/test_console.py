import sys

import pytest

from faceref import console


def test_a_log_gets_the_first_and_last_state_and_few_between(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    now = 100.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    with console.progress_bar("Training EDSR", "steps") as update:
        for step in range(1, 11):
            now += 7.0
            update(step, 10, f"L1 0.{step}")
    assert not sys.stderr.isatty()
    assert capsys.readouterr().err.splitlines() == [
        "Training EDSR: 1/10 L1 0.1",
        "Training EDSR: 6/10 L1 0.6",
        "Training EDSR: 10/10 L1 0.10",
    ]
