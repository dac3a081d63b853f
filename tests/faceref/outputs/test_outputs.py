import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import faceref
from benchmark.cli.app import app as facebench
from benchmark.training.run import save
from faceref.cli.app import app
from faceref.dataset import credits, store
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError, HeldError, UnwritableError
from faceref.files import replacing, write_bytes
from faceref.outputs.lock import holding
from faceref.outputs.ours import SET_FILE, need_replaceable
from faceref.outputs.working import settle
from faceref.outputs.writable import need_file
from faceref.pipeline.build import build
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.files_below import files_below

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _says(arguments: list[str], *parts: str, cli=app) -> None:
    """The command ends with status 1 and one line that holds `parts`."""
    result = CliRunner().invoke(cli, arguments)
    lines = result.output.strip().splitlines()
    assert (result.exit_code, len(lines)) == (1, 1), result.output
    assert all(part in lines[0] for part in parts), lines[0]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_people(tmp_path / "all" / "people")


@pytest.fixture
def copied(tiny_build: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_build, tmp_path / "set"))


@pytest.mark.case("A1")
@pytest.mark.parametrize("where", [".", "..", "inner", "../link"])
def test_the_source_is_not_replaced(people: Path, where: str):
    (people.parent / "link").symlink_to(people)
    before = files_below(people)
    out = people / where if where == "inner" else people.parent / "people" / where
    _says(["build", str(people), "--out", str(out), "--overwrite"], "read")
    with pytest.raises(FaceRefError, match="read"):
        build(folder(people), PlainEmbedder(), out, overwrite=True, inputs=[people])
    assert files_below(people) == before


@pytest.mark.case("A+ the folder one is in, and the root")
def test_a_set_needs_a_folder_with_a_name(people: Path):
    wanted = "Give its name: /face_ref"
    _says(["build", str(people), "--out", "/", "--overwrite"], "--out / is no place", wanted)


@pytest.mark.case("A+ output in the source")
def test_an_output_in_the_source_is_refused_with_another_place(
    people: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(people)
    before = files_below(people)
    _says(["build", ".", "--out", "face_ref"], f"such as {people.parent.resolve() / 'face_ref'}")
    assert files_below(people) == before


@pytest.mark.case("A+ a plot in the set that is made")
def test_a_plot_in_the_output_is_refused_before_the_work(people: Path, tmp_path: Path):
    out = tmp_path / "set"
    given = ["build", str(people), "--out", str(out), "--calibration-plot", str(out / "a.png")]
    _says(given, "--calibration-plot", f"such as {tmp_path / 'a.png'}")
    assert not out.exists()


def test_ctrl_c_while_a_set_is_replaced_leaves_the_old_one(
    copied: Path, monkeypatch: pytest.MonkeyPatch
):
    before, move = files_below(copied), Path.replace

    def stopped(path: Path, target: Path) -> Path:
        moved = move(path, target)
        if path == copied:
            raise KeyboardInterrupt
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stopped)
        ids = copied.parent / "ids.txt"
        ids.write_text(FaceRef.open(copied).column("train", "image_id")[0])
        done = CliRunner().invoke(app, ["remove", str(copied), "--ids", str(ids)])
    assert done.exit_code == 130
    assert "it begins anew" in done.output
    assert files_below(copied) == before


def test_a_name_as_long_as_may_be_is_made(people: Path, tmp_path: Path):
    out = tmp_path / ("s" * 240)
    build(folder(people), PlainEmbedder(), out)
    assert [path.name for path in tmp_path.iterdir() if path.name != "all"] == [out.name]


@pytest.mark.case("A+ output is a file")
def test_an_output_that_is_a_file_is_left_alone(people: Path, tmp_path: Path):
    (tmp_path / "notes").write_text("mine")
    _says(["build", str(people), "--out", str(tmp_path / "notes"), "--overwrite"], "is a file")
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.case("A+ a folder of a set")
def test_a_folder_in_a_set_is_not_replaced(people: Path, copied: Path):
    before = files_below(copied)
    arguments = ["build", str(people), "--out", str(copied / "data"), "--overwrite"]
    _says(arguments, "is no Face_Ref, so it is not replaced")
    assert files_below(copied) == before


@pytest.mark.case("A1")
def test_a_folder_with_files_of_the_user_is_not_replaced(people: Path, tmp_path: Path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    _says(["build", str(people), "--out", str(mine), "--overwrite"], "mine is no Face_Ref")
    (mine / "face_ref.json").write_text("{}")
    _says(["build", str(people), "--out", str(mine), "--overwrite"], "thesis.txt")
    (tmp_path / "new.building").mkdir()
    (tmp_path / "new.building" / "a.txt").write_text("mine")
    with pytest.raises(FaceRefError, match=r"a\.txt"):
        build(folder(people), PlainEmbedder(), tmp_path / "new")
    assert (mine / "thesis.txt").exists()
    assert (tmp_path / "new.building" / "a.txt").exists()


@pytest.mark.case("A2")
def test_hydrate_does_not_replace_what_it_reads(copied: Path, people: Path, tmp_path: Path):
    command = ["publish", str(copied), "me/set", "--dry-run", "--out", str(tmp_path / "index")]
    assert CliRunner().invoke(app, [*command, "--licence", "mit"]).exit_code == 0
    before = files_below(people)
    for out in (people, tmp_path / "index"):
        arguments = ["hydrate", str(tmp_path / "index"), "--source", str(people)]
        _says([*arguments, "--source-kind", "folder", "--out", str(out), "--overwrite"], "read")
    assert files_below(people) == before


@pytest.mark.case("A5")
def test_remove_keeps_the_files_of_the_user(copied: Path, tmp_path: Path):
    (copied / "notes.txt").write_text("mine")
    before = files_below(copied)
    (tmp_path / "ids.txt").write_text(str(faceref.open(copied).column("train", "image_id")[0]))
    arguments = ["remove", str(copied), "--ids", str(tmp_path / "ids.txt")]
    _says(arguments, "notes.txt", "Nothing was changed")
    assert files_below(copied) == before
    (copied / "notes.txt").unlink()
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert not (tmp_path / "set.removing").exists()


@pytest.mark.case("A1")
def test_no_output_has_the_name_of_an_input(copied: Path):
    for arguments in (
        ["archive", str(copied), "--out", str(copied / "archive.tar")],
        ["inspect", str(copied), "--sheet", str(copied / "sheet.png")],
    ):
        _says(arguments, "which is read")


def test_all_files_of_a_set_are_known():
    tables = {value for value in vars(store).values() if str(value).endswith(".parquet")}
    for name in (*tables, credits.CREDITS, store.LR_ENCODER, store.MANIFEST):
        assert SET_FILE.fullmatch(name), name
    assert not SET_FILE.fullmatch("faces.parquet")


@pytest.mark.case("D21")
def test_a_full_disk_is_one_line_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> int:
        raise FULL

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnwritableError, match=r"file: the disk is full\. Free space"):
        write_bytes(tmp_path / "file", b"content")
    with pytest.raises(UnwritableError, match="disk is full"), replacing(tmp_path / "outer") as one:
        write_bytes(one.parent / "inner", b"content")
    monkeypatch.setattr(torch, "save", _save)
    with pytest.raises(UnwritableError, match=r"w\.pt: the disk is full"):
        save({}, tmp_path / "w.pt")
    assert not list(tmp_path.iterdir())


def _save(value: object, to: object) -> None:
    """As torch does where a disk is full; into memory it can write."""
    if isinstance(to, Path):
        raise RuntimeError("unexpected pos 1152 vs 1046")


@pytest.mark.case("D21")
def test_a_build_goes_on_when_the_disk_has_room_again(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build(folder(people), PlainEmbedder(), tmp_path / "whole")

    def full(*_: object, **__: object) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr("faceref.dataset.store.pq.ParquetWriter.write_table", full)
        with pytest.raises(UnwritableError, match="disk is full"):
            build(folder(people), PlainEmbedder(), tmp_path / "out")
    embedder = PlainEmbedder()
    build(folder(people), embedder, tmp_path / "out")
    assert files_below(tmp_path / "out") == files_below(tmp_path / "whole")
    assert not (tmp_path / "out.building").exists()


@pytest.mark.case("D22")
def test_one_process_makes_an_output(people: Path, tmp_path: Path):
    hold = (
        "import sys, pathlib; from faceref.outputs.working import working_folder\n"
        "with working_folder(pathlib.Path(sys.argv[1]), 'building', keep=True):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / "out")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(HeldError, match=rf"\({other.pid}\) works on .*out\. Wait"):
            build(folder(people), PlainEmbedder(), tmp_path / "out")
        other.kill()
    build(folder(people), PlainEmbedder(), tmp_path / "out")
    with holding(tmp_path / "run"), pytest.raises(HeldError), holding(tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists()


def test_a_folder_that_a_killed_process_left_with_its_lock_alone_goes(tmp_path: Path):
    for left in ("run", "mine"):
        (tmp_path / left).mkdir()
    (tmp_path / "run" / "lock").write_text("99999999\n")
    for left in ("run", "mine"):
        with holding(tmp_path / left):
            assert (tmp_path / left / "lock").exists()
    assert not (tmp_path / "run").exists()
    assert (tmp_path / "mine").is_dir()


def test_a_set_comes_back_after_a_kill_between_two_renames(tmp_path: Path):
    old = tmp_path / "out.building" / "replaced"
    old.mkdir(parents=True)
    for name in ("lock", "moving"):
        (old.parent / name).touch()
    (old / "face_ref.json").write_text("{}")
    settle(tmp_path / "out", "building")
    assert (tmp_path / "out" / "face_ref.json").exists()


@pytest.mark.case("D23")
def test_home_is_written_out_and_a_colon_is_no_address(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["sample", "--out=~/one"]).exit_code == 0
    faceref.sample("~/two")
    assert (tmp_path / "one").is_dir()
    assert (tmp_path / "two").is_dir()
    assert not (tmp_path / "~").exists()
    build(folder(people), PlainEmbedder(), Path("a:b"))
    assert faceref.verify("a:b") == []


@pytest.mark.case("D24")
def test_figures_do_not_depend_on_the_backend_of_a_notebook(tmp_path: Path, tiny_build: Path):
    code = "from faceref.cli.app import app; app()"
    arguments = ["publish", str(tiny_build), "me/set", "--dry-run", "--licence", "mit"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--out", str(tmp_path / "index")],
        env={**os.environ, "MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index" / "similarity.png").exists()


@pytest.mark.case("D25")
@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--calibration-plot", "{file}/plot.png", "a part of its path is a file"),
        ("--calibration-plot", "{here}/plot.xyz", "Unknown ending"),
        ("--calibration-plot", "{here}", "is a folder"),
        ("--seed", "-5", "--seed -5"),
    ],
)
def test_wrong_options_are_found_before_the_work(
    people: Path, tmp_path: Path, option: str, value: str, part: str
):
    (tmp_path / "file").touch()
    given = value.format(file=tmp_path / "file", here=tmp_path)
    arguments = ["build", str(people), "--embedder", "dlib", "--out", str(tmp_path / "out")]
    _says([*arguments, option, given], part)
    assert not (tmp_path / "out.building").exists()


@pytest.mark.case("D25")
def test_a_report_in_no_folder_is_found_before_the_work(tmp_path: Path):
    (tmp_path / "file").touch()
    arguments = ["hydrate", str(tmp_path), "--source", str(tmp_path), "--out", str(tmp_path / "o")]
    _says([*arguments, "--report", str(tmp_path / "file" / "r.txt")], "--report", "is a file")


@pytest.mark.case("D26")
def test_places_and_names_that_cannot_be_written(tmp_path: Path, tiny_build: Path):
    (tmp_path / "file").touch()
    out = str(tmp_path / "file" / "release")
    arguments = ["publish", str(tiny_build), "me/set", "--dry-run", "--licence", "mit"]
    _says([*arguments, "--out", out], "Cannot write --out", "is a file")
    _says(["evaluate", str(tiny_build), "--method", "a" * 300], "Unknown method", cli=facebench)
    with pytest.raises(FaceRefError, match="300 bytes"):
        need_file(tmp_path / ("a" * 300))
    with pytest.raises(FaceRefError, match="300 bytes"):
        need_replaceable(tmp_path / ("a" * 300), overwrite=False)


@pytest.mark.case("F sheet.jpg")
def test_a_sheet_is_what_its_ending_says(copied: Path, tmp_path: Path):
    faceref.open(copied).sheet(probes=1, out=tmp_path / "sheet.jpg")
    assert (tmp_path / "sheet.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    _says(["inspect", str(copied), "--sheet", str(tmp_path / "sheet.gif")], ".jpg, .png, .webp")


@pytest.mark.case("F closed stdout")
def test_a_closed_pipe_ends_quietly(copied: Path, tmp_path: Path):
    command = [sys.executable, "-m", "faceref", "inspect", str(copied)]
    sheet = ["--sheet", str(tmp_path / "sheet.png")]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*command, *sheet], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")
    assert (tmp_path / "sheet.png").exists()


@pytest.mark.case("F home")
def test_a_home_that_cannot_be_written_is_said(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    _says(["build", str(people), "--out", str(tmp_path / "out")], "HOME", "is a file")
