"""What is committed in `reports/` follows from its result files."""

import json
import re
from pathlib import Path

import pytest
from safetensors import safe_open

from benchmark.methods.registry import load_method
from benchmark.protocol.tasks import task
from benchmark.report.leaderboard import Leaderboard
from benchmark.report.site.build import GALLERY, site_files
from benchmark.results.files import read_all
from benchmark.results.find import find_leaderboard
from benchmark.results.ranking import leaderboard_name
from benchmark.results.result import leaderboards
from benchmark.studies.gains_page import gains_markdown, gains_name, studies_of
from benchmark.studies.references_page import markdown
from benchmark.studies.study import read
from benchmark.training.export import load_model, open_weights
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from reports.scripts import learning_rates
from reports.scripts.model_cards import cards, results_of_weights

REPORTS = Path(__file__).resolve().parents[2] / "reports"
SITE = REPORTS / "site"
RELEASES = REPORTS.parent / "weights"


def test_the_leaderboard_is_that_of_the_result_files():
    text = (REPORTS / "leaderboard.md").read_text(encoding="utf-8")
    assert text == Leaderboard.of(REPORTS / "results").to_markdown(), "run: make reports"


def test_learning_rates_are_those_that_val_chose():
    known = json.loads((REPORTS / "learning_rates.json").read_text(encoding="utf-8"))
    text = (REPORTS / "learning_rates.md").read_text(encoding="utf-8")
    assert text == learning_rates.page(known), "run: make reports"
    rows = learning_rates.wanted(known, read_all(REPORTS / "results"))
    on_leaderboard = {row.method: row for row in rows}
    assert len(on_leaderboard) > 15
    for method, row in on_leaderboard.items():
        ablations, training = known["whole"]["val_psnr_y"][method], row.training or {}
        assert max(ablations, key=lambda rate: ablations[rate]) == f"{row.learning_rate:g}"
        assert ablations[f"{row.learning_rate:g}"] == training["val_psnr_y"]
        on_test = known["whole"]["test_psnr_y"][method][f"{row.learning_rate:g}"]
        assert on_test == round(row.means["psnr_y"], 4)


def test_the_page_is_that_of_the_result_files():
    for name, text in site_files(Leaderboard.of(REPORTS / "results")).items():
        committed = (SITE / name).read_text(encoding="utf-8")
        assert committed == text, f"{name}: run facebench site reports/results --out reports/site"


def test_the_page_has_every_image_that_it_names_and_no_other():
    named = set(re.findall(r'"(images/[^"]+)"', (SITE / GALLERY).read_text(encoding="utf-8")))
    assert named
    assert {f"images/{path.name}" for path in (SITE / "images").iterdir()} == named
    known = {*site_files(Leaderboard.of(REPORTS / "results")), GALLERY, "images"}
    assert {path.name for path in SITE.iterdir()} == known
    assert sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) < 3_000_000


def test_figures_of_every_leaderboard_are_there():
    for key, rows in leaderboards(read_all(REPORTS / "results")).items():
        trained_here = not task(rows[0].task).trained_on
        for end in ("cost", "distribution", "wins", *(["val"] if trained_here else [])):
            for form in ("png", "pdf"):
                assert (REPORTS / "figures" / f"{leaderboard_name(key)}-{end}.{form}").exists()


def test_each_study_s_page_is_that_of_its_file():
    files = sorted((REPORTS / "studies").glob("*.json"))
    assert files
    for file in files:
        study = read(file)
        ends = ("", "-bands", *(["-patches"] if study.patches else []))
        figures = [REPORTS / "figures" / f"{study.name}{end}.png" for end in ends]
        assert all(figure.exists() for figure in figures)
        page = REPORTS / f"{study.name}.md"
        assert page.read_text(encoding="utf-8") == markdown(study, figures, REPORTS)


def test_the_page_of_gains_is_that_of_results_and_studies():
    key, board = find_leaderboard(REPORTS / "results", "small", "lfw-x8@1")
    name = gains_name(key)
    studies = studies_of(REPORTS / "studies", "lfw-x8@1", "small")
    text = gains_markdown(key, board, studies, Path("figures") / f"{name}.png")
    assert (REPORTS / f"{name}.md").read_text(encoding="utf-8") == text, "run: make reports"
    assert (REPORTS / "figures" / f"{name}.pdf").exists()


def test_released_weights_are_those_of_results():
    known = {run.training["weights_sha256"] for run in results_of_weights() if run.training}
    files = sorted(RELEASES.glob("*/*.safetensors"))
    assert {"msrnet", "sparnet_s"} <= {file.stem for file in files}
    for file in files:
        said = file.with_name(f"{file.name}.sha256").read_text(encoding="utf-8").split()
        assert said == [file_sha256(file), file.name]
        assert file.stat().st_size < 20_000_000
        assert open_weights(file).method.name == file.stem
        with safe_open(file, "pt") as opened:
            assert opened.metadata()["weights_sha256"] in known


def test_cards_of_released_weights_are_those_of_results():
    made = cards()
    names = {f"{file.parent.name}/{file.stem}" for file in made}
    assert {"lfw-x8-small-40000/msrnet", "lfw-x8-small/sparnet_s-perceptual"} < names
    for file, text in made.items():
        assert f"super-resolution, x{load_model(file).scale}" in text
        assert file.with_suffix(".md").read_text(encoding="utf-8") == text, "run: make reports"
        assert "\nPaper: " in text


def test_results_of_a_leaderboard_are_of_the_same_images():
    for rows in leaderboards(read_all(REPORTS / "results")).values():
        assert len({row.images_sha256 for row in rows}) == 1
        assert len({(row.task, row.method, row.run) for row in rows}) == len(rows)


def test_every_trained_method_beats_bicubic_at_small():
    found = leaderboards(read_all(REPORTS / "results"))
    rows = next(rows for key, rows in found.items() if key[:2] == ("lfw-x8@1", "small"))
    bicubic = next(row for row in rows if row.method == "bicubic")
    trained = [row for row in rows if row.budget is not None]
    assert {row.method for row in trained} >= {"srcnn", "edsr", "msrnet"}
    for row in trained:
        # An adversarial loss costs PSNR and is there for what LPIPS sees.
        metric, sign = ("lpips_alex", -1) if load_method(row.method).criterion else ("psnr_y", 1)
        assert sign * row.means[metric] > sign * bicubic.means[metric], row.method


def test_results_without_results_say_what_to_do(tmp_path: Path):
    with pytest.raises(FaceRefError, match="facebench evaluate"):
        read_all(tmp_path)
