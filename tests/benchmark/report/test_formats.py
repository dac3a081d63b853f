import csv
import io
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results
from yaml import safe_load

from benchmark.report.formats import escape_latex, leaderboard_text, write_leaderboard
from benchmark.report.leaderboard import leaderboard
from benchmark.results import files as result_files
from benchmark.results.ranking import ranked_rows
from benchmark.results.result import Result
from faceref.errors import FaceRefError
from tests.benchmark.made_results import board_of, made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results in which `edsr` and `msrnet` cannot be told apart, and `lpips_alex` is known."""
    for result in board_of():
        result_files.write(result, tmp_path)
    return tmp_path


def test_every_form_is_of_the_same_rows_in_the_same_order(folder: Path):
    names = ["MSRNET (K=5, refs_lr)", "EDSR", "MSRNET (K=0)", "SRCNN", "BICUBIC"]
    table = list(csv.DictReader(io.StringIO(leaderboard_text(folder, "csv"))))
    assert [row["name"] for row in table] == names
    found = re.findall(r"^    ([A-Z]{4}.*?) &", leaderboard_text(folder, "latex"), re.MULTILINE)
    assert found == [escape_latex(name) for name in names]
    assert leaderboard_text(folder, "md") == leaderboard(folder)


def test_csv_says_what_the_files_say(folder: Path):
    row = list(csv.DictReader(io.StringIO(leaderboard_text(folder, "csv"))))[1]
    result = next(found for found in result_files.read_all(folder) if found.method == "edsr")
    assert float(row["psnr_y"]) == pytest.approx(result.means["psnr_y"], abs=1e-4)
    assert float(row["psnr_y_low"]) < float(row["psnr_y"]) < float(row["psnr_y_high"])
    assert (row["macs"], row["weights_sha256"]) == (str(result.macs), "edsr")
    assert row["images"] == str(result.images)


def test_latex_marks_ties_with_the_best_as_best(folder: Path):
    lines = {
        line.split(" & ")[0].strip(): line for line in leaderboard_text(folder, "latex").split("\n")
    }
    psnr = {name: line.split(" & ")[1] for name, line in lines.items() if " & " in line}
    assert psnr[r"MSRNET (K=5, refs\_lr)"].startswith(r"\textbf{")
    assert psnr["EDSR"].startswith(r"\textbf{")
    assert psnr["MSRNET (K=0)"].startswith(r"\underline{")
    assert psnr["SRCNN"] == "25.50"
    ranks = {row.name: row.values["psnr_y"].rank for row in ranked_rows(board_of())}
    assert ranks["EDSR"] == ranks["MSRNET (K=5, refs_lr)"] == 1


def test_lower_is_better_where_it_is():
    rows = {row.name: row.values for row in ranked_rows(board_of())}
    assert rows["SRCNN"]["lpips_alex"].rank == 1
    assert rows["EDSR"]["lpips_alex"].rank == 2
    assert "lpips_alex" not in rows["BICUBIC"]


def test_latex_shows_missing_numbers_and_directions(folder: Path):
    text = leaderboard_text(folder, "latex")
    head = next(line for line in text.split("\n") if "Method &" in line)
    assert r"PSNR-Y, dB $\uparrow$" in head
    assert r"LPIPS (alex) $\downarrow$" in head
    bicubic = next(line for line in text.split("\n") if "BICUBIC" in line)
    assert bicubic.count("--") == 1
    assert text.count(" & ") % head.count(" & ") == 0
    assert text.count("{") == text.count("}")


def test_latex_escapes_what_it_must():
    assert escape_latex(r"50%_of a&b\c~{}") == (
        r"50\%\_of a\&b\textbackslash{}c\textasciitilde{}\{\}"
    )


def test_the_model_index_is_one_that_hugging_face_reads(folder: Path):
    models = safe_load(leaderboard_text(folder, "yaml"))["model-index"]
    assert [model["name"] for model in models] == [
        "msrnet-small-s0",
        "edsr-small-s0",
        "srcnn-small-s0",
        "bicubic",
    ]
    name, found = model_index_to_eval_results(models[:1])
    assert name == "msrnet-small-s0"
    psnr = {one.dataset_config: one.metric_value for one in found if one.metric_type == "psnr_y"}
    assert psnr == {"K=5, refs_lr, 40 faces": 27.0, "K=0, 40 faces": 26.5}
    assert {one.dataset_revision for one in found} == {"a" * 64}
    again = ModelCardData(model_name=name, eval_results=found).to_dict()["model-index"]
    assert again == models[:1]


def test_rows_without_every_score_have_a_mean_and_no_rank():
    rows = board_of()
    rows[0].scores["landmarks"] = [*([0.1] * 39), None]  # pyright: ignore[reportArgumentType]
    rows[0].means["landmarks"] = 0.1
    value = ranked_rows(rows)[0].values["landmarks"]
    assert (value.mean, value.low, value.rank) == (0.1, None, None)


def test_results_of_other_images_share_no_board():
    rows = board_of()
    with pytest.raises(FaceRefError, match="different images"):
        ranked_rows([rows[0], made("edsr", 26, images_sha256="c" * 64)])


def test_unknown_forms_and_metrics_are_named(folder: Path, tmp_path: Path):
    with pytest.raises(FaceRefError, match="Did you mean 'latex'"):
        leaderboard_text(folder, "latx")
    odd: Result = made("edsr", 26)
    odd.means["psnr_z"] = 1.0
    with pytest.raises(FaceRefError, match="psnr_z"):
        ranked_rows([odd])
    with pytest.raises(FaceRefError, match="Choose another --out"):
        write_leaderboard(folder, Path("/dev/null/board.csv"), "csv")
    write_leaderboard(folder, tmp_path / "out" / "board.csv", "csv")
    assert (tmp_path / "out" / "board.csv").read_text().startswith("task,budget,")
