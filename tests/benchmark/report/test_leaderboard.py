import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results
from yaml import safe_load

from benchmark.report.latex import escape_latex
from benchmark.report.leaderboard import Leaderboard
from benchmark.results import files as result_files
from benchmark.results.ranking import ranked_rows
from benchmark.results.result import Result
from faceref.errors import FaceRefError
from tests.benchmark.made_results import leaderboard_results, made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results in which `edsr` and `msrnet` cannot be told apart, and `lpips_alex` is known."""
    for result in leaderboard_results():
        result_files.write(result, tmp_path)
    return tmp_path


def test_every_form_is_of_the_same_rows_in_the_same_order(folder: Path):
    names = ["MSRNET (K=5, refs_lr)", "EDSR", "MSRNET (K=0)", "SRCNN", "BICUBIC"]
    table = list(csv.DictReader(io.StringIO(Leaderboard.of(folder).to_csv())))
    assert [row["name"] for row in table] == names
    found = re.findall(r"^    ([A-Z]{4}.*?) &", Leaderboard.of(folder).to_latex(), re.MULTILINE)
    assert found == [escape_latex(name) for name in names]
    page = re.findall(r"^\| ([A-Z]{4}.*?) \|", Leaderboard.of(folder).to_markdown(), re.MULTILINE)
    assert page == names


def test_csv_says_what_the_files_say(folder: Path):
    row = list(csv.DictReader(io.StringIO(Leaderboard.of(folder).to_csv())))[1]
    result = next(found for found in result_files.read_all(folder) if found.method == "edsr")
    assert float(row["psnr_y"]) == pytest.approx(result.means["psnr_y"], abs=1e-4)
    assert float(row["psnr_y_low"]) < float(row["psnr_y"]) < float(row["psnr_y_high"])
    assert (row["macs"], row["weights_sha256"]) == (str(result.macs), "edsr")
    assert row["images"] == str(result.images)


def test_latex_marks_ties_with_the_best_as_best(folder: Path):
    lines = {
        line.split(" & ")[0].strip(): line for line in Leaderboard.of(folder).to_latex().split("\n")
    }
    psnr = {name: line.split(" & ")[1] for name, line in lines.items() if " & " in line}
    assert psnr[r"MSRNET (K=5, refs\_lr)"].startswith(r"\textbf{")
    assert psnr["EDSR"].startswith(r"\textbf{")
    assert psnr["MSRNET (K=0)"].startswith(r"\underline{")
    assert psnr["SRCNN"] == "25.50"
    ranks = {row.name: row.values["psnr_y"].rank for row in ranked_rows(leaderboard_results())}
    assert ranks["EDSR"] == ranks["MSRNET (K=5, refs_lr)"] == 1


def test_lower_is_better_where_it_is():
    rows = {row.name: row.values for row in ranked_rows(leaderboard_results())}
    assert rows["SRCNN"]["lpips_alex"].rank == 1
    assert rows["EDSR"]["lpips_alex"].rank == 2
    assert "lpips_alex" not in rows["BICUBIC"]


def test_latex_shows_missing_numbers_and_directions(folder: Path):
    text = Leaderboard.of(folder).to_latex()
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
    models = safe_load(Leaderboard.of(folder).to_yaml())["model-index"]
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
    rows = leaderboard_results()
    rows[0].scores["landmarks"] = [*([0.1] * 39), None]  # pyright: ignore[reportArgumentType]
    rows[0].means["landmarks"] = 0.1
    value = ranked_rows(rows)[0].values["landmarks"]
    assert (value.mean, value.low, value.rank) == (0.1, None, None)


def test_results_of_other_images_share_no_leaderboard():
    rows = leaderboard_results()
    with pytest.raises(FaceRefError, match="different images"):
        ranked_rows([rows[0], made("edsr", 26, images_sha256="c" * 64)])


def test_unknown_forms_and_metrics_are_named(folder: Path, tmp_path: Path):
    with pytest.raises(FaceRefError, match="Did you mean 'latex'"):
        Leaderboard.of(folder).write(tmp_path / "leaderboard.tex", "latx")
    odd: Result = made("edsr", 26)
    odd.means["psnr_z"] = 1.0
    with pytest.raises(FaceRefError, match="psnr_z"):
        ranked_rows([odd])
    with pytest.raises(FaceRefError, match="Choose another place"):
        Leaderboard.of(folder).write(Path("/dev/null/leaderboard.csv"), "csv")
    Leaderboard.of(folder).write(tmp_path / "out" / "leaderboard.csv", "csv")
    assert (tmp_path / "out" / "leaderboard.csv").read_text().startswith("task,budget,")


def test_the_frame_has_unrounded_numbers_and_nothing_for_what_is_not_known():
    frame = Leaderboard.of(leaderboard_results()).to_dataframe()
    assert len(frame) == len(Leaderboard.of(leaderboard_results())) == 5
    edsr = frame.set_index("method").loc["edsr"]
    result = next(row for row in leaderboard_results() if row.method == "edsr")
    scores = np.array(result.scores["psnr_y"], float)
    assert edsr["psnr_y"] == scores.mean()
    assert edsr["parameters"] == result.parameters
    bicubic = frame.set_index("method").loc["bicubic"]
    assert pd.isna([bicubic["lpips_alex"], bicubic["over_bicubic"]]).all()
    assert frame["psnr_y_rank"].tolist() == [1, 1, 3, 4, 5]
    assert not frame["variant"].any()


def test_variants_and_seeds_are_in_the_frame():
    rows = [
        made("edsr", 26),
        made("edsr", 26.2, seed=1, training={**(made("edsr", 26).training or {})}),
        made("edsr-no-tail", 25.5),
    ]
    frame = Leaderboard.of(rows).to_dataframe().set_index("method")
    assert frame["variant"].to_dict() == {"edsr": False, "edsr-no-tail": True}
    assert frame.loc["edsr", "psnr_y_std"] == pytest.approx(0.2 / 2**0.5)
    assert frame.loc["edsr", "seeds"] == "0 1"
    assert pd.isna(frame.loc["edsr-no-tail", "psnr_y_std"])


def test_one_leaderboard_of_several_is_chosen_by_task_and_budget():
    both = Leaderboard.of([*leaderboard_results(), made("edsr", 24, "demo")])
    assert [table.key[1] for table in both.tables] == ["demo", "small"]
    assert len(both) == 7  # Bicubic is in each.
    assert len(both.select(budget="demo")) == 2
    with pytest.raises(FaceRefError, match=r"There are: lfw-x8@1 demo, lfw-x8@1 small"):
        both.select(task="moon-x8@1")


def test_the_plot_is_a_figure_and_written_where_that_is_asked_for(tmp_path: Path):
    board = Leaderboard.of(leaderboard_results())
    figure = board.plot()
    assert [axes.get_xlabel() for axes in figure.axes][1] == "parameters, M"
    assert not list(tmp_path.iterdir())
    board.plot(tmp_path / "cost.png")
    assert {path.name for path in tmp_path.iterdir()} == {"cost.png", "cost.pdf"}


def test_notebooks_show_the_rows_and_no_markup_of_titles():
    html = Leaderboard.of(
        [*leaderboard_results(), made("vdsr", 26, title="<script>")]
    )._repr_html_()
    assert "<td>MSRNET (K=5, refs_lr)</td><td>1</td>" in html
    assert "<script>" not in html
    assert html.count("<tr>") == 7
