from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.results import files as result_files
from benchmark.results.caveats import unlike
from benchmark.results.find import find_leaderboard
from benchmark.results.result import Result, label
from benchmark.studies.gains import (
    against_rivals,
    by_ablation,
    by_references,
    differences,
    ladder,
    table,
)
from benchmark.studies.gains_page import studies_of
from benchmark.studies.study import BANDS, REGIONS, Cell, Study, write
from faceref.errors import FaceRefError
from tests.benchmark.made_results import made

GIVEN = {"references": 5, "reference_list": "refs_lr"}


def leaderboard() -> list[Result]:
    """MSRNet with and without references, a variant, two rivals, one with references."""
    return [
        made("msrnet", 27.2, **GIVEN),
        made("msrnet", 27.0),
        made("msrnet", 27.1, references=5, reference_list="refs_hr"),
        with_references(made("msrnet-no-error", 26.9, **GIVEN)),
        made("edsr", 26.8),
        made("sparnet_s", 27.6),
        with_references(made("ttsr_s", 27.4, **GIVEN)),
        with_references(made("ttsr_s", 27.3)),
        made("bicubic", 25, None),
    ]


def with_references(result: Result) -> Result:
    return replace(result, training={**(result.training or {}), "uses_references": True})


def names(pairs: list[tuple[Result, Result]]) -> list[tuple[str, str]]:
    return [(label(row), label(rival)) for row, rival in pairs]


def test_the_best_rival_of_each_kind_is_compared_with():
    assert names(against_rivals(leaderboard())) == [
        ("MSRNET (K=5, refs_lr)", "MSRNET (K=0)"),
        ("MSRNET (K=5, refs_lr)", "SPARNET_S"),
        ("MSRNET (K=5, refs_lr)", "TTSR_S (K=5, refs_lr)"),
    ]
    assert against_rivals(leaderboard()[1:]) == []


def test_a_single_image_method_is_compared_with_the_best_of_both_kinds():
    assert names(against_rivals(leaderboard(), "edsr")) == [
        ("EDSR", "SPARNET_S"),
        ("EDSR", "TTSR_S (K=5, refs_lr)"),
    ]
    assert by_ablation(leaderboard(), "edsr") == []


def test_a_network_adapted_to_a_pool_is_no_rival():
    adapted = made("sparnet_s", 28.0, adaptation={"pool": "lfw"})
    rows = [*leaderboard(), replace(adapted, method="sparnet_s+memory")]
    assert against_rivals(rows) == against_rivals(leaderboard())
    assert names(against_rivals(rows, "sparnet_s")) == [
        ("SPARNET_S", "EDSR"),
        ("SPARNET_S", "TTSR_S (K=5, refs_lr)"),
    ]


def test_a_rival_that_was_given_what_the_sharp_face_finds_is_none():
    oracle = made("warp_s", 27.7, references=5, reference_list="refs_hr")
    assert against_rivals([*leaderboard(), with_references(oracle)]) == against_rivals(
        leaderboard()
    )


def test_each_method_is_compared_with_itself_without_references():
    assert names(by_references(leaderboard())) == [
        ("MSRNET (K=5, refs_lr)", "MSRNET (K=0)"),
        ("MSRNET (K=5, refs_hr)", "MSRNET (K=0)"),
        ("TTSR_S (K=5, refs_lr)", "TTSR_S (K=0)"),
    ]
    assert [row.method for row, _ in by_ablation(leaderboard())] == ["msrnet-no-error"]


def test_differences_are_paired_and_corrected_for_their_number():
    pairs = by_references(leaderboard())
    found = differences(pairs, ["psnr_y", "lpips_alex"])
    assert [one.metric for one in found] == ["psnr_y"] * 3
    for one, (row, rival) in zip(found, pairs, strict=True):
        apart = np.subtract(row.scores["psnr_y"], rival.scores["psnr_y"])  # pyright: ignore
        assert one.mean == pytest.approx(apart.mean())
        assert one.low < one.mean < one.high
    alone = differences(pairs[1:2], ["psnr_y"])[0]
    assert alone.mean == found[1].mean
    assert alone.p <= found[1].p
    lines = table(found, ["psnr_y", "lpips_alex"])
    assert lines[0] == "| difference | PSNR-Y, dB |"
    assert len(lines) == 5


def test_a_pair_says_what_else_differed_between_its_trainings():
    one, other = made("rcan_s", 27.5), made("edsr", 27.0)
    training = {**(one.training or {}), "learning_rate": 1.6e-3, "precision": "bf16"}
    changed = replace(one, training=training)
    names = [found.name for found in differences([(one, other), (changed, other)], ["psnr_y"])]
    assert names == ["RCAN_S - EDSR", "RCAN_S - EDSR (other learning rate)"]
    exact = replace(other, training={**training, "precision": "fp32"})
    assert unlike(changed, exact) == ["precision"]
    assert unlike(changed, made("bicubic", 24, budget=None)) == []


def test_a_pair_says_of_how_many_trainings_each_row_is_the_mean():
    one, other = made("rcan_s", 27.5), made("edsr", 27.0)
    twice = replace(one, repeats=(one, one))
    bicubic = made("bicubic", 24, budget=None)
    found = differences([(twice, twice), (twice, other), (twice, bicubic)], ["psnr_y"])
    assert [row.name for row in found] == [
        "RCAN_S - RCAN_S",
        "RCAN_S - EDSR (trainings: 2 and 1)",
        "RCAN_S - BICUBIC",
    ]


def study(budget: str, gains: dict[str, float]) -> Study:
    rng = np.random.default_rng(0)
    base = 27 + rng.normal(0, 1, 30)
    bands, regions = [1.0] * len(BANDS), dict.fromkeys([*REGIONS, "elsewhere"], 1.0)
    cells = [Cell("none", 0, base.tolist(), [0.5] * 30, bands, regions)]
    for kind, gain in gains.items():
        count = 1 if kind == "target" else 5
        psnr = (base + gain).tolist()
        cells.append(Cell(kind, count, psnr, [0.5] * 30, bands, regions))
    return Study(
        task="lfw-x8@1",
        method="msrnet",
        title="MSRNet",
        budget=budget,
        seed=0,
        split="test",
        data_revision="a" * 64,
        images=30,
        images_sha256="b" * 64,
        weights_sha256="c" * 64,
        code="0.1.0",
        hardware={},
        cells=cells,
    )


def test_trainings_are_side_by_side_by_kind_of_reference():
    first = study("small", {"random": 0.01, "refs_lr": 0.04, "target": 8.0})
    second = study("small-on-random", {"random": 0.02, "target": 7.0})
    lines = ladder([first, second], 5)
    assert "MSRNet, seed 0, trained with random" in lines[0]
    assert lines[2].startswith("| random faces | +0.010 [+0.010, +0.010] | +0.020")
    assert lines[3].endswith("+0.040 [+0.040, +0.040] | - |")
    assert lines[4].startswith("| the target itself | +8.000")
    assert lines[-1] == "| faces | 30 | 30 |"


def test_the_page_is_written(tmp_path: Path):
    for result in leaderboard():
        result_files.write(result, tmp_path / "results")
    for budget in ("small", "small-on-random", "full"):
        folder = tmp_path / "studies"
        write(study(budget, {"random": 0.01, "target": 8.0}), folder / f"{budget}.json")
    on_val = replace(study("small", {"random": 0.01, "target": 8.0}), split="val")
    write(on_val, folder / "val.json")
    found = studies_of(tmp_path / "studies", "lfw-x8@1", "small")
    assert [one.split for one in found] == ["test", "test"]
    arguments = [
        "study",
        "gains",
        str(tmp_path / "results"),
        "--studies",
        str(tmp_path / "studies"),
    ]
    ran = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert ran.exit_code == 0, ran.output
    page = next((tmp_path / "out").glob("*-gain-of-msrnet.md")).read_text()
    assert "## Ablations of MSRNET, against the whole" in page
    assert "## By kind of reference, K = 5" in page
    assert len(list((tmp_path / "out" / "figures").iterdir())) == 2
    with pytest.raises(FaceRefError, match="There are, with task and budget: lfw-x8@1 small"):
        find_leaderboard(tmp_path / "results", "full", "lfw-x8@1")
    assert find_leaderboard(tmp_path / "results", "small", "")[0][0] == "lfw-x8@1"


def test_of_two_sets_it_is_said_which_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    results = tmp_path / "results"
    result_files.write(made("edsr", 26), results)
    find_leaderboard(results, "small", "")
    assert not capsys.readouterr().err
    result_files.write(made("srcnn", 27, data_revision="b" * 64), results)
    key, _ = find_leaderboard(results, "small", "")
    other = ("b" if key.data_revision == "a" * 64 else "a") * 12
    assert f"data {key.data_revision[:12]}; left out: {other}." in capsys.readouterr().err
    find_leaderboard(results, "small", "", "b" * 64)
    assert not capsys.readouterr().err
