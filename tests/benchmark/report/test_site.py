import json
import re
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

import benchmark
from benchmark.cli.app import app
from benchmark.metrics.registry import METRIC_INFO
from benchmark.report.leaderboard import Leaderboard
from benchmark.report.site.build import (
    GALLERY,
    LEADERBOARDS,
    PAGE,
    leaderboards_script,
    site_files,
    write_site,
)
from benchmark.report.site.gallery import need_sample, write_gallery
from benchmark.report.site.serve import address, open_server
from benchmark.results import files as result_files
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from tests.benchmark.made_results import leaderboard_results, made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for result in leaderboard_results():
        result_files.write(result, tmp_path / "results")
    return tmp_path / "results"


def _data(script: str, name: str) -> Any:
    """What a data script assigns to `facebench.NAME`."""
    found = re.search(rf"facebench\.{name} = (.*?);\n$", script, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_script_holds_what_the_leaderboard_says(folder: Path):
    (leaderboard,) = _data(leaderboards_script(Leaderboard.of(folder)), "leaderboards")
    assert leaderboard["title"] == "LFW, 16x16 to 128x128 (lfw-x8@1, budget small)"
    assert [row["name"] for row in leaderboard["rows"]][:2] == ["MSRNET (5 references)", "EDSR"]
    first, bicubic = leaderboard["rows"][0], leaderboard["rows"][-1]
    assert first["values"]["psnr_y"]["rank"] == 1
    assert first["gain"]["mean"] == pytest.approx(2.0)
    assert bicubic["gain"] is None
    assert [metric["higher"] for metric in leaderboard["metrics"]] == [True] * 4 + [False]
    assert "antialiased bicubic" in leaderboard["protocol"]
    assert leaderboard["wins"][0][-1] == 100


def test_every_metric_says_what_it_is_in_one_sentence():
    for metric in METRIC_INFO.values():
        assert re.fullmatch(r"[A-Z][^.]{15,90}\.", metric.about), metric.name


def test_tasks_of_other_versions_are_shown_all_the_same(tmp_path: Path):
    result_files.write(made("edsr", 27, task="moon-x8@3"), tmp_path)
    (leaderboard,) = _data(leaderboards_script(Leaderboard.of(tmp_path)), "leaderboards")
    assert "unknown" in leaderboard["protocol"]


def test_the_page_needs_nothing_from_elsewhere(folder: Path, tmp_path: Path):
    page = write_site(Leaderboard.of(folder), tmp_path / "site")
    text = page.read_text()
    asked = re.findall(r'(?:src|href)="([^"#]+)"', text)
    local = [name for name in asked if name != "data:,"]
    assert len(local) >= 8
    assert all((page.parent / name).exists() for name in local)
    for name, content in site_files(Leaderboard.of(folder)).items():
        outside = set(re.findall(r"https?://[^\s\"'`)]+", content))
        assert outside <= {"http://www.w3.org/2000/svg"}, name  # A name, never fetched.


def test_titles_from_result_files_cannot_end_the_page(tmp_path: Path):
    title = "</pre><script>alert(1)</script>"
    result_files.write(made("edsr", 27, title=title), tmp_path / "results")
    found = site_files(Leaderboard.of(tmp_path / "results"))
    assert "<script>alert" not in found[PAGE]
    assert "innerHTML" not in "".join(found[name] for name in found if name.endswith(".js"))
    (leaderboard,) = _data(found[LEADERBOARDS], "leaderboards")
    assert leaderboard["rows"][0]["title"] == title


def test_images_stay_when_the_leaderboards_are_written_again(folder: Path, tmp_path: Path):
    out = tmp_path / "site"
    write_site(Leaderboard.of(folder), out)
    assert "null" in (out / GALLERY).read_text()
    (out / GALLERY).write_text("images")
    write_site(Leaderboard.of(folder), out)
    assert (out / GALLERY).read_text() == "images"
    assert not list(out.glob("*.tmp"))


@pytest.mark.slow
def test_a_page_shows_faces_of_the_embedded_sample(
    folder: Path, sample_build: Path, tmp_path: Path
):
    faces, out = sample_build / "face_ref", tmp_path / "site"
    benchmark.write_site(folder, faces=faces, runs=tmp_path, methods="bicubic", out=out)
    images = _data((out / GALLERY).read_text(), "images")
    assert {one["name"] for face in images["faces"] for one in face["outputs"]} == {"Bicubic"}
    assert all((out / face["hr"]).exists() for face in images["faces"])


def test_the_gallery_shows_each_method_beside_its_references(
    folder: Path, tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("benchmark.report.site.gallery.need_sample", lambda face_ref: None)
    out = tmp_path / "site"
    stale, own = out / "images" / "9-old-method.webp", out / "images" / "holiday.webp"
    stale.parent.mkdir(parents=True)
    for path in (stale, own):
        path.write_text("")
    runs: dict[str, Path | None] = {"bicubic": None, "nearest_reference": None}
    assert write_gallery(FaceRef.open(tiny_face_ref), runs, folder, out) == 6
    content = _data((out / GALLERY).read_text(), "images")
    face = content["faces"][0]
    assert [output["name"] for output in face["outputs"]] == ["Bicubic", "Nearest reference"]
    assert len(face["references"]) == 5
    named = [face["lr"], face["hr"], *(one["src"] for one in face["outputs"] + face["references"])]
    assert [Image.open(out / name).width for name in named] == [16] + [128] * 8
    assert own.exists()
    assert not stale.exists()
    # The nearest reference, put out as it is, is the first reference.
    first, second = (Image.open(out / name) for name in (named[3], named[4]))
    assert first.tobytes() == second.tobytes()
    assert content["left"] == "Bicubic"
    assert content["right"] in ("HR", "Nearest reference")


def test_only_the_sample_s_faces_are_shown(tiny_face_ref: Path):
    with pytest.raises(FaceRefError, match="embedded sample only"):
        need_sample(FaceRef.open(tiny_face_ref))


def test_the_page_is_served_to_this_machine_alone(folder: Path, tmp_path: Path):
    out = write_site(Leaderboard.of(folder), tmp_path / "site").parent
    with open_server(out) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with urllib.request.urlopen(address(server)) as answer:
            assert b"Face_Ref benchmark" in answer.read()
        server.shutdown()
        thread.join()


def test_a_folder_without_a_page_is_an_error(tmp_path: Path):
    with pytest.raises(FaceRefError, match="facebench site"):
        open_server(tmp_path)


def test_a_taken_port_is_an_error(folder: Path, tmp_path: Path):
    out = write_site(Leaderboard.of(folder), tmp_path / "site").parent
    with open_server(out) as server, pytest.raises(FaceRefError, match="--port"):
        open_server(out, server.server_address[1])


def test_the_commands_write_leaderboards_and_page(folder: Path, tmp_path: Path):
    runner = CliRunner()
    leaderboard = tmp_path / "leaderboard.tex"
    made = runner.invoke(
        app, ["leaderboard", str(folder), "--format", "latex", "--out", str(leaderboard)]
    )
    assert made.exit_code == 0
    assert leaderboard.read_text().startswith("% Needs \\usepackage{booktabs}.\n\\begin{table}")
    wrong = runner.invoke(app, ["leaderboard", str(folder), "--format", "word"])
    assert (wrong.exit_code, "csv" in wrong.output) == (1, True)
    site = runner.invoke(app, ["site", str(folder), "--out", str(tmp_path / "site")])
    assert site.exit_code == 0
    assert (tmp_path / "site" / PAGE).exists()
