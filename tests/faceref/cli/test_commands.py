import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app as facebench
from faceref.cli.app import app as faceref
from tests.faceref.fakes import write_people


def _fails(arguments: list[str], *parts: str, app: object = faceref) -> None:
    """Run and expect status 1 and one line on stderr that holds `parts`."""
    result = CliRunner().invoke(app, arguments)  # pyright: ignore[reportArgumentType]
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in errors[0]


def test_an_empty_folder(tmp_path: Path):
    (tmp_path / "faces").mkdir()
    out = tmp_path / "out"
    _fails(["build", str(tmp_path / "faces"), "--out", str(out)], "one sub-folder per person")
    assert not out.exists()


def test_a_folder_of_one_person(tmp_path: Path):
    write_people(tmp_path / "faces", people=1)
    arguments = ["build", str(tmp_path / "faces"), "--embedder", "dlib", "--out"]
    _fails([*arguments, str(tmp_path / "out")], "at least 3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces"]


def test_a_missing_pack(tmp_path: Path):
    write_people(tmp_path / "faces", people=3)
    arguments = ["build", str(tmp_path / "faces"), "--pack", str(tmp_path / "nope"), "--out"]
    _fails([*arguments, str(tmp_path / "out")], "nope", "--embedder dlib")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces"]


def test_an_output_that_cannot_be_written(tmp_path: Path):
    write_people(tmp_path / "faces", people=3)
    (tmp_path / "file").touch()
    arguments = ["build", str(tmp_path / "faces"), "--embedder", "dlib", "--out"]
    _fails([*arguments, str(tmp_path / "file" / "out")], "Cannot write", "--out")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["build", "--source", "lfww", "--out", "x"], "Unknown source 'lfww'"),
        (["build", "--source", "sample", "--embedder", "dlb", "--out", "x"], "'dlib'"),
        (["build", "--source", "sample", "--device", "gpu", "--out", "x"], "cpu, cuda"),
        (["build", "--source", "sample", "--executor", "rey", "--out", "x"], "mean 'ray'"),
        (["build", "--source", "sample"], "--out is missing"),
        (["build", "--out", "x"], "needs the path"),
        (["build", "--source", "sample", "--references", "0", "--out", "x"], "1 or more"),
        (["build", "--source", "sample", "--val", "2", "--out", "x"], "--val"),
        (["inspect", "nowhere"], "faceref build"),
    ],
)
def test_wrong_values_are_named(arguments: list[str], part: str):
    _fails(arguments, part)


def test_inspect_prints_and_draws(tiny_build: Path, tmp_path: Path):
    sheet = tmp_path / "sheet.png"
    result = CliRunner().invoke(faceref, ["inspect", str(tiny_build), "--sheet", str(sheet)])
    assert result.exit_code == 0, result.output
    for part in ("train", "no face", "refs_hr", "Leak certificate"):
        assert part in result.output
    assert sheet.stat().st_size > 10_000


def test_inspect_refuses_an_unknown_list(tiny_build: Path, tmp_path: Path):
    sheet = str(tmp_path / "sheet.png")
    arguments = ["inspect", str(tiny_build), "--sheet", sheet, "--reference-list", "refs"]
    _fails(arguments, "refs_hr, refs_lr")


@pytest.mark.parametrize("command", ["faceref", "facebench"])
def test_help_imports_nothing_heavy(command: str):
    package = {"faceref": "faceref.cli.app", "facebench": "benchmark.cli.app"}[command]
    code = (
        f"import sys; from {package} import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'faiss', 'cv2', 'insightface', 'pandas', 'pyarrow', 'matplotlib'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    environment = {**os.environ, "TERM": "dumb"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


def test_facebench_names_wrong_values(tiny_face_ref: Path, tmp_path: Path):
    out = str(tmp_path / "run")
    for arguments, part in (
        (["train", str(tiny_face_ref), "-m", "esdr", "--out", out], "Did you mean 'edsr'"),
        (["train", str(tiny_face_ref), "-m", "bicubic", "--out", out], "nothing to train"),
        (
            ["train", str(tiny_face_ref), "-m", "edsr", "--budget", "huge", "--out", out],
            "debug, demo, full, medium, small",
        ),
        (["evaluate", str(tiny_face_ref), "-m", "edsr"], "--weights DIR"),
        (["evaluate", str(tiny_face_ref), "-m", "bicubic", "--task", "x"], "Unknown task"),
        (["evaluate", str(tiny_face_ref), "-m", "bicubic", "--split", "dev"], "Unknown split"),
        (["leaderboard", str(tmp_path)], "No results"),
    ):
        _fails(arguments, part, app=facebench)
    assert not (tmp_path / "run").exists()


def test_a_mistyped_command_names_the_closest():
    result = CliRunner().invoke(faceref, ["bild"])
    assert result.exit_code == 2
    assert "Did you mean 'build'" in result.stderr


def test_help_lists_the_commands_in_panels():
    text = CliRunner().invoke(faceref, ["--help"]).stdout
    names = "build sources inspect certify publish hydrate verify remove archive doctor synth"
    found = [line.split()[1] for line in text.splitlines() if line.startswith("│ ")]
    assert [name for name in found if name in names.split()] == names.split()
    places = [text.index(f"─ {panel} ─") for panel in ("Build", "Share", "Tools")]
    assert places == sorted(places)


def test_the_version_is_that_of_the_package():
    from faceref import __version__

    for command in (faceref, facebench):
        said = CliRunner().invoke(command, ["--version"]).stdout
        assert said.strip() == f"face-ref {__version__}"


def test_the_command_that_a_wrong_path_suggests_is_one(tmp_path: Path):
    _fails(["certify", str(tmp_path)], f"Make one: faceref build FACES --out {tmp_path}")
    (tmp_path / "person").mkdir()
    (tmp_path / "person" / "a.JPG").touch()
    _fails(["certify", str(tmp_path)], f"from them: faceref build {tmp_path} --out SET")
