"""Cases of kind F that people meet beside those of the list: results, boards, wrong words."""

import json
from pathlib import Path

import pytest

from benchmark.results import files
from tests.benchmark.made_results import made
from tests.faults.lines import refuses, works


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with a single result."""
    files.write(made("edsr", 27), tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.case("F+ a file where a folder of results belongs")
def test_a_file_is_no_folder_of_results(results: Path, tmp_path: Path):
    (path,) = results.glob("*/*/*.json")
    for command in ("leaderboard", "plot", "site"):
        out = tmp_path / "out"
        refuses("facebench", command, path, "--out", out, says=(f"{path} is a file", "folder"))


@pytest.mark.case("F+ a file where a set belongs")
def test_a_file_is_no_set(tmp_path: Path):
    path = tmp_path / "faces.tar"
    path.write_bytes(b"x")
    refuses("faceref", "inspect", path, says=(f"{path} is a file", "tar -xf"))
    refuses("facebench", "evaluate", path, "-m", "bicubic", says=(f"{path} is a file",))


@pytest.mark.case("F+ a leaderboard in a file named as another format")
def test_a_leaderboard_is_what_its_ending_says(results: Path, tmp_path: Path):
    out = tmp_path / "board.md"
    words = ("facebench", "leaderboard", results, "--format", "csv", "--out", out)
    refuses(*words, says=("board.md", "--format md", ".csv"))
    assert not out.exists()
    works(*words[:-1], tmp_path / "board.txt")


@pytest.mark.case("F+ a result of a newer version")
@pytest.mark.parametrize(("version", "way_out"), [(3, "Update face-ref"), (1, "Evaluate again")])
def test_a_result_of_another_version(results: Path, tmp_path: Path, version: int, way_out: str):
    (path,) = results.glob("*/*/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": version}))
    out = tmp_path / "out.md"
    refuses("facebench", "leaderboard", results, "--out", out, says=(str(path), way_out))


@pytest.mark.case("F+ gains where there is no such leaderboard")
def test_gains_of_another_budget(results: Path, tmp_path: Path):
    words = ("facebench", "study", "gains", results, "--out", tmp_path / "out")
    refuses(*words, "--budget", "full", says=("budget 'full'", "lfw-x8@1 small", "--budget"))


@pytest.mark.case("F+ a method scored on the split that it was trained on")
def test_train_is_no_split_to_score_on(tiny_face_ref: Path, tmp_path: Path):
    words = ("facebench", "evaluate", tiny_face_ref, "-m", "bicubic", "--results", tmp_path / "r")
    refuses(*words, "--split", "train", says=("'train'", "test, val"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.case("F+ an empty folder of results")
@pytest.mark.parametrize("command", ["leaderboard", "plot", "site"])
def test_no_results(tmp_path: Path, command: str):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "out"
    refuses("facebench", command, empty, "--out", out, says=("No results", "facebench evaluate"))
    assert not out.exists()


@pytest.mark.case("F+ a card without results")
def test_a_card_of_nothing(results: Path, tmp_path: Path):
    words = ("facebench", "card", results, "--licence", "mit", "--out", tmp_path / "card.md")
    refuses(*words, "--method", "bicubic", says=("'bicubic'", "edsr"))
    assert not (tmp_path / "card.md").exists()


@pytest.mark.case("F+ a leaderboard with a single result")
def test_one_result_is_a_leaderboard(results: Path, tmp_path: Path):
    works("facebench", "leaderboard", results, "--out", tmp_path / "board.md")
    assert "EDSR | 1 |" in (tmp_path / "board.md").read_text()


@pytest.mark.case("F+ predictions in a folder of the folder")
def test_nested_predictions(tiny_face_ref: Path, tmp_path: Path):
    (tmp_path / "mine" / "epoch_9").mkdir(parents=True)
    words = ("facebench", "evaluate", tiny_face_ref, "--predictions", tmp_path / "mine")
    says = ("No prediction for 6 of 6", "<image_id>.png")
    refuses(*words, "--name", "mine", "--results", tmp_path / "r", says=says)


@pytest.mark.case("F+ scores of a result left behind")
def test_a_result_without_its_scores(results: Path, tmp_path: Path):
    (scores,) = results.glob("*/*/*.parquet")
    scores.unlink()
    out = tmp_path / "out.md"
    refuses("facebench", "leaderboard", results, "--out", out, says=("has no scores", "Bring it"))
