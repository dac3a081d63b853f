from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.results import files as result_files
from benchmark.results.find import find_leaderboard
from benchmark.results.result import Result
from benchmark.studies.gains_page import ablations, write_gains
from faceref.errors import FaceRefError
from tests.benchmark.made_results import made

GIVEN = {"references": 5, "reference_list": "refs_lr"}


def leaderboard(folder: Path, rows: list[Result]) -> list[Result]:
    for row in rows:
        result_files.write(row, folder)
    return find_leaderboard(folder, "small", "lfw-x8@1")[1]


def test_each_variant_has_its_idea_and_what_references_give_it(tmp_path: Path):
    rows = [
        made("msrnet", 27.2, **GIVEN),
        made("msrnet", 27.0),
        made("msrnet-no-gather", 27.3, **GIVEN),
        made("msrnet-no-gather", 27.35),
        made("msrnet-no-error", 27.25),
        made("msrnet-no-gather", 27.9, references=5, reference_list="refs_hr"),
        made("edsr", 28.0),
    ]
    lines = ablations(leaderboard(tmp_path, rows))
    first = [line.split("|")[1].strip() for line in lines[2:]]
    assert first == ["`msrnet-no-gather`", "`msrnet-no-error`", "`msrnet`"]
    other, none, whole = [[cell.strip() for cell in line.split("|")[2:-1]] for line in lines[2:]]
    assert other[0] == "errors are fitted, not gathered"
    assert other[2] == "27.300"
    assert other[3].startswith("+0.100 [")
    assert other[4].startswith("-0.050 [")
    assert none[3].startswith("+0.050 [")
    assert none[4] == whole[3] == "-"
    assert whole[4].startswith("+0.200 [")


def test_what_seeds_differ_by_is_said(tmp_path: Path):
    rows = [made("msrnet-no-gather", 27.3, **GIVEN)]
    assert ablations(leaderboard(tmp_path / "one", rows)) == []
    seeds = [replace(made("msrnet", 27 + seed / 10, **GIVEN), seed=seed) for seed in range(3)]
    lines = ablations(leaderboard(tmp_path / "several", [*rows, *seeds]))
    assert lines[-1] == "Standard deviation between seeds: at most 0.100 dB."
    assert "| 3 | 27.100 |" in lines[3]


def test_a_method_of_ones_own_has_a_page_against_its_rivals(tmp_path: Path):
    for row in (made("mynet", 27.5), made("edsr", 27), made("bicubic", 25, None)):
        result_files.write(row, tmp_path / "results")
    given = (tmp_path / "results", tmp_path / "none", tmp_path / "out", "small", "")
    page, *figures = write_gains(*given, method="mynet")
    assert page.name.endswith("-gain-of-mynet.md")
    assert all(figure.exists() for figure in figures)
    text = page.read_text()
    assert text.startswith("# MYNET against others")
    assert "## MYNET against its rivals" in text
    assert "| MYNET - EDSR | +0.500 [" in text
    with pytest.raises(FaceRefError, match=r"--method ours is not on .*bicubic, edsr, mynet"):
        write_gains(*given, method="ours")


def test_a_leaderboard_without_pairs_has_no_page(tmp_path: Path):
    for row in (made("bicubic", 25, None), made("edsr", 27)):
        result_files.write(row, tmp_path / "results")
    given = (tmp_path / "results", tmp_path / "none", tmp_path / "out", "small", "")
    with pytest.raises(FaceRefError, match=r"--method msrnet is not on .*bicubic, edsr\."):
        write_gains(*given)
    with pytest.raises(FaceRefError, match=r"Nothing to compare edsr with.*--references 0"):
        write_gains(*given, method="edsr")
    assert not (tmp_path / "out").exists()
