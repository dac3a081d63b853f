"""What killed processes leave beside outputs, and who may delete it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faceref.errors import FaceRefError, HeldError
from faceref.files import write_text
from faceref.outputs.leftovers import sweep, temporary_name
from faceref.outputs.lock import holding
from faceref.outputs.working import half_replaced, put_in_place, settle, working_folder


def _of_an_ended_process(name: str) -> str:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    mine = temporary_name(name)
    return mine.replace(f"-{os.getpid()}.tmp", f"-{int(ended.stdout)}.tmp")


def test_only_folders_of_ended_processes_of_this_machine_are_swept(tmp_path: Path):
    ended = _of_an_ended_process("a.txt")
    elsewhere = ended.replace(ended.split(".")[-2], "0123abcd-1")
    kept = [elsewhere, temporary_name("a.txt"), ".mine.tmp", "a.deadbeef-1.tmp"]
    for name in (ended, *kept):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("half")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_writing_a_file_sweeps_what_a_killed_process_left_beside_it(tmp_path: Path):
    (tmp_path / _of_an_ended_process("other.txt")).mkdir()
    write_text(tmp_path / "a.txt", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def _a_set(folder: Path, version: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "face_ref.json").write_text(json.dumps({"version": version}))
    return folder


def _killed(out: Path, *, moved: int) -> None:
    """As a process leaves it that was killed after `moved` of the two moves of a replacement."""
    folder = out.with_name(f"{out.name}.removing")
    made = _a_set(folder / "finished", 2)
    for name in ("lock", "moving"):
        (folder / name).touch()
    if moved:
        out.replace(folder / "replaced")
    if moved > 1:
        made.replace(out)


@pytest.mark.parametrize(("moved", "version"), [(0, 1), (1, 1), (2, 2)])
def test_a_replacement_that_was_killed_is_undone_or_ended(tmp_path: Path, moved: int, version: int):
    out = _a_set(tmp_path / "made", 1)
    _killed(out, moved=moved)
    assert ("give that command" in half_replaced(out)) == (moved == 1)
    settle(out, "removing")
    assert json.loads((out / "face_ref.json").read_text())["version"] == version
    assert (tmp_path / "made.removing").exists() == (moved < 2)
    with working_folder(out, "removing") as work:
        put_in_place(_a_set(work / "finished", 3), out, overwrite=True)
    assert json.loads((out / "face_ref.json").read_text())["version"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_replacement_that_goes_on_is_left_alone(tmp_path: Path):
    out = _a_set(tmp_path / "made", 1)
    _killed(out, moved=1)
    with holding(tmp_path / "made.removing", out), pytest.raises(HeldError):
        settle(out, "removing")
    assert (tmp_path / "made.removing" / "replaced").exists()


def test_files_of_the_user_in_a_working_folder_are_never_settled(tmp_path: Path):
    out = _a_set(tmp_path / "made", 1)
    _killed(out, moved=2)
    (tmp_path / "made.removing" / "thesis.txt").write_text("years of work")
    with pytest.raises(FaceRefError, match=r"holds other files: thesis\.txt"):
        settle(out, "removing")
    assert (tmp_path / "made.removing" / "thesis.txt").exists()
