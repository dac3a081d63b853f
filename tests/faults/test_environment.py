"""Cases of kind D that people meet beside those of the list: places, devices, terminals, names."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from benchmark.results import files
from tests.benchmark.made_results import made
from tests.faceref.fakes import write_people
from tests.faults.lines import refuses, run, works


def _build(people: Path, out: str | Path, *more: str) -> tuple[str | Path, ...]:
    return "faceref", "build", people, "--embedder", "dlib", "--out", out, *more


@pytest.mark.case("D+ the folder in which one is, as output")
@pytest.mark.parametrize("out", [".", ""])
def test_a_dot_is_a_folder_like_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str):
    here = tmp_path / "here"
    here.mkdir()
    (here / "mine.txt").write_text("mine")
    monkeypatch.chdir(here)
    people = write_people(tmp_path / "people", people=3)
    refuses(*_build(people, out), says=("exists already", "another --out"))
    refuses(*_build(people, out, "--overwrite"), says=("is no Face_Ref", "another --out"))
    refuses(*_build(people, "/"), says=("--out / is no place for a set",))
    assert [path.name for path in here.iterdir()] == ["mine.txt"]


@pytest.mark.case("D+ a limit that is not a number")
@pytest.mark.parametrize("option", ["--min-eye-distance", "--min-sharpness", "--min-score"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_limit_is_a_number(tmp_path: Path, option: str, value: str):
    people = write_people(tmp_path / "people", people=3)
    refuses(*_build(people, tmp_path / "out", option, value), says=(option, value, "finite"))
    assert [path.name for path in tmp_path.iterdir()] == ["people"]


@pytest.mark.case("D+ a device or a pipe as output")
def test_what_is_no_file_is_not_replaced(tmp_path: Path):
    files.write(made("edsr", 27), tmp_path / "results")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refuses("facebench", "leaderboard", tmp_path / "results", "--out", pipe, says=("pipe", "file"))
    assert pipe.is_fifo()
    folder = tmp_path / "results"
    refuses("facebench", "leaderboard", folder, "--out", folder, says=("folder", "name of a file"))


@pytest.mark.case("D+ an archive over another file")
def test_an_archive_takes_the_place_of_no_other_file(tiny_face_ref: Path, tmp_path: Path):
    film = tmp_path / "holiday.mp4"
    film.write_bytes(b"mine")
    refuses("faceref", "archive", tiny_face_ref, "--out", film, says=(str(film), ".tar"))
    assert film.read_bytes() == b"mine"


@pytest.mark.case("D+ a device that is not there")
@pytest.mark.parametrize("device", ["gpu", "cuda:7", "CUDA"])
def test_an_unknown_device(tiny_face_ref: Path, tmp_path: Path, device: str):
    words = ("facebench", "train", tiny_face_ref, "-m", "srcnn", "--budget", "debug")
    refuses(*words, "--device", device, "--out", tmp_path / "run", says=(repr(device), "cpu, cuda"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.case("D+ cuda without a GPU")
def test_cuda_without_a_gpu(tiny_face_ref: Path, tmp_path: Path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    words = ("facebench", "train", tiny_face_ref, "-m", "srcnn", "--budget", "debug")
    out = tmp_path / "run"
    refuses(*words, "--device", "cuda", "--out", out, says=("no CUDA device", "--device cpu"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.case("D+ TMPDIR that is not there")
def test_no_folder_for_temporary_files(
    tiny_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    works("faceref", "inspect", tiny_build, "--sheet", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 0


@pytest.mark.case("D+ a terminal without colour, 20 columns wide")
def test_a_plain_narrow_terminal(tiny_build: Path, tmp_path: Path):
    sheet = ("--sheet", tmp_path / "sheet.png")
    said = works("faceref", "inspect", tiny_build, *sheet, TERM="dumb", NO_COLOR="1", COLUMNS="20")
    assert "\x1b" not in said
    assert "no face" in said or "Rejected" in said


@pytest.mark.case("D+ quotes, spaces, emoji and per cent in names")
def test_odd_names(tiny_build: Path, tmp_path: Path):
    place = tmp_path / "Ré 'x' \"y\" 🙂 100% -a;b"
    shutil.copytree(tiny_build, place / "set")
    sheet = place / "sheet 🙂.png"
    works("faceref", "verify", place / "set")
    assert sheet.name in works("faceref", "inspect", place / "set", "--sheet", sheet)
    works("faceref", "archive", place / "set", "--out", place / "a b.tar")


@pytest.mark.case("D+ a set behind a link")
def test_a_link_to_a_set(tiny_build: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(shutil.copytree(tiny_build, tmp_path / "set"))
    works("faceref", "verify", link)
    refuses(*_build(write_people(tmp_path / "people", people=3), link), says=("exists already",))
    assert link.is_symlink()


@pytest.mark.case("D+ a word where a number belongs")
def test_a_word_for_a_number(tmp_path: Path):
    result = run(*_build(tmp_path, tmp_path / "out", "--references", "many"))
    assert result.exit_code == 2
    assert "--references" in result.stderr
    assert "integer" in result.stderr
    assert list(tmp_path.iterdir()) == []
