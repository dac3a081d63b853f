"""The CPU part of `gpu.py`: what it does where there is no card, and that it sees what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.memory import fit, regression
from tests.speed import gpu
from tests.speed.devices import networks
from tests.speed.devices.neighbours import compare_lists, compare_search
from tests.speed.devices.parts import PARTS, run_part
from tests.speed.devices.task import Task


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without compilers, and without what takes long at any size."""
    monkeypatch.setattr(torch, "compile", partial(_eager, torch.compile))
    monkeypatch.setattr(regression, "PENALTIES", (0.1,))
    monkeypatch.setattr(fit, "FOLDS", 2)
    monkeypatch.setattr(networks, "METRICS", ("kid",))


def _eager(real, model, mode):
    return real(model, backend="eager")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", PARTS)
def test_a_part_finds_the_cpu_equal_to_itself(name: str, tiny_build: Path, tmp_path: Path):
    answer = run_part(name, Task("cpu", tiny_build, tmp_path))
    wanted = ("skipped", "no --pack") if name == "embed" else ("ok", None)
    assert (answer["state"], answer["reason"]) == wanted
    assert json.loads(json.dumps(answer)) == answer
    assert bool(answer["numbers"]) == (name != "embed")


def test_parts_run_in_processes_of_their_own(tiny_build: Path, tmp_path: Path):
    out = tmp_path / "gpu.json"
    options = ["--device", "cpu", "--set", str(tiny_build), "--only", "embed", "--out", str(out)]
    assert gpu.main(options) == 0
    report = json.loads(out.read_text())
    assert report["machine"]["versions"]["torch"] == torch.__version__
    assert report["parts"]["embed"]["reason"] == "no --pack"


def test_what_starts_the_parts_does_not_touch_the_card_itself():
    code = "import sys, tests.speed.gpu; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=gpu.ROOT, capture_output=True)
    assert done.stdout.strip() == b"False"


def test_a_device_that_is_not_there_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    assert gpu.main(["--out", str(tmp_path / "gpu.json")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("--device cuda: torch sees no CUDA device here.")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_one_part_that_fails_does_not_keep_the_others_from_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    answers = {"lists": {"state": "failed", "reason": "lists are others", "numbers": {}}}

    def ask(name: str, *_: object) -> dict:
        whole = {"state": "ok", "reason": None, "numbers": {"cpu": {"device": "a CPU"}}}
        return {"seconds": 1.0, **answers.get(name, whole)}

    monkeypatch.setattr(gpu, "ask", ask)
    out = tmp_path / "gpu.json"
    assert gpu.main(["--set", str(tmp_path), "--only", "lists,train", "--out", str(out)]) == 1
    parts = json.loads(out.read_text())["parts"]
    assert [parts[name]["state"] for name in ("lists", "train")] == ["failed", "ok"]


def test_a_part_without_an_answer_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task = {"device": "cpu", "face_ref": None, "pack": None}
    answer = gpu.ask("strange", tmp_path, task, 60)
    assert answer["state"] == "failed"
    assert answer["reason"] == "the process ended with 1: KeyError: 'strange'"
    answer = gpu.ask("search", tmp_path, task, 0.01)
    assert answer["reason"] == "no answer within 0 s"
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\nimport os\nos.abort()\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert gpu.ask("lists", tmp_path, task, 60)["reason"] == "the process died of SIGABRT"


def test_no_part_has_more_than_half_of_what_is_left():
    now = [0.0]
    clock = gpu.Clock(100, lambda: now[0])
    shares = []
    for spent in (0, 50, 90, 200):
        now[0] = spent
        shares.append(clock.share())
    assert shares == [50, 25, 5, 0]


def test_search_that_finds_others_is_a_fault():
    vectors = np.eye(8, dtype=np.float32)
    scores, rows = np.array([[1.0, 0.0]], np.float32), np.array([[0, 1]])
    ties, wrong = np.array([[0, 5]]), np.array([[3, 1]])
    assert compare_search(vectors, vectors[:1], (scores, rows), (scores, ties))[1] == []
    assert compare_search(vectors, vectors[:1], (scores, rows), (scores, wrong))[1] == [
        "rows do not have their scores: 1.0e+00"
    ]
    assert len(compare_search(vectors, vectors[:1], (scores, rows), (scores - 2e-5, rows))[1]) == 2


def test_lists_may_differ_by_a_step_of_rounding_and_by_ties_at_their_end():
    wanted = [("a", 0.9), ("b", 0.8)]
    steps = [("b", 0.8001), ("a", 0.8001)]
    cases = {
        "same": (wanted, (1, 0)),
        "rounded": ([("a", 0.9001), ("b", 0.8)], (0, 0)),
        "tie": ([("a", 0.9), ("c", 0.8)], (0, 0)),
        "other score": ([("a", 0.9), ("b", 0.7)], (0, 1)),
        "other person": ([("c", 0.9), ("b", 0.8)], (0, 1)),
        "shorter": ([("a", 0.9)], (0, 1)),
    }
    for name, (found, counts) in cases.items():
        assert compare_lists([wanted], [found]) == counts, name
    assert compare_lists([[("a", 0.8), ("b", 0.8)]], [steps]) == (0, 0)


def test_outputs_that_are_not_those_of_the_cpu_are_a_fault():
    rng = np.random.default_rng(0)
    faces = rng.integers(10, 240, (2, 32, 32, 3)).astype(np.uint8)
    wanted, target = faces + np.uint8(2), faces
    near = wanted + (rng.random(faces.shape) < 0.001)
    assert networks.faults_of_outputs(networks.apart(wanted, near.astype(np.uint8), target)) == []
    for other, count in ((np.uint8(1), 1), (np.uint8(3), 2)):
        found = networks.apart(wanted, wanted + other, target)
        assert len(networks.faults_of_outputs(found)) == count
