from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.report.face_grid import Example, crops, with_square_pixels, zoom
from benchmark.report.leaderboard import Leaderboard
from benchmark.report.plots import (
    distributions,
    near,
    quality_against_cost,
    reference_curve,
    win_shares,
)
from benchmark.report.style import COLOURS, marker_style, save_figure
from benchmark.results import files as result_files
from faceref.errors import FaceRefError
from tests.benchmark.made_results import leaderboard_results, made


def test_win_shares_of_a_pair_add_up_and_ties_count_half():
    scores = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 4.0, 4.0], [0.0, 0.0, 0.0, 9.0]])
    shares = win_shares(scores)
    assert shares[0].tolist() == [0.5, 0.5, 0.75]
    assert shares[1].tolist() == [0.5, 0.5, 0.75]
    assert np.allclose(shares + shares.T, 1)


def test_every_figure_is_drawn_as_png_and_as_pdf_with_its_fonts(tmp_path: Path):
    for result in leaderboard_results():
        result_files.write(result, tmp_path / "results")
    drawn = Leaderboard.of(tmp_path / "results").draw(tmp_path / "out")
    ends = ("cost", "distribution", "wins", "val", "references")
    assert [path.stem.rsplit("-", 1)[1] for path in drawn[1::2]] == list(ends)
    for path in drawn[1:]:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert Image.open(path).width > 400
        else:
            assert content.startswith(b"%PDF")
            # TrueType inside, no Type 3, which journals refuse; neither date nor release.
            assert b"/FontFile2" in content
            assert b"/Type3" not in content
            assert b"CreationDate" not in content
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_same_results_give_the_same_figure(tmp_path: Path):
    for name in ("one", "two"):
        save_figure(quality_against_cost(leaderboard_results(), "title"), tmp_path / f"{name}.png")
    for form in ("png", "pdf"):
        one, two = (tmp_path / f"{name}.{form}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_a_method_has_one_colour_in_all_figures_of_a_leaderboard():
    rows = leaderboard_results()
    assert {marker_style(row, rows).colour for row in rows if row.method == "msrnet"} == {
        COLOURS[1]
    }
    assert (
        len({(look.colour, look.marker) for look in (marker_style(row, rows) for row in rows)}) == 5
    )
    many = [made(f"method{place}", 26) for place in range(4 * len(COLOURS))]
    looks = [marker_style(row, many) for row in many]
    assert len({(look.colour, look.fill) for look in looks}) == len(many)


def test_variants_are_not_in_the_figures_of_a_leaderboard(tmp_path: Path):
    for name, rows in (
        ("one", leaderboard_results()),
        ("two", [*leaderboard_results(), made("edsr-no-tail", 27)]),
    ):
        for row in rows:
            result_files.write(row, tmp_path / name / "results")
        Leaderboard.of(tmp_path / name / "results").draw(tmp_path / name)
    images = sorted((tmp_path / "one" / "figures").glob("*.png"))
    assert len(images) > 2
    for image in images:
        other = tmp_path / "two" / "figures" / image.name
        assert image.read_bytes() == other.read_bytes()


def test_rows_far_below_bicubic_are_not_drawn():
    rows = [*leaderboard_results(), made("nearest_reference", 15, None)]
    shown, hidden = near(rows)
    assert [row.method for row in hidden] == ["nearest_reference"]
    assert len(shown) == 5
    assert near(hidden) == (hidden, [])


def test_the_reference_curve_needs_one_training_with_several_numbers(tmp_path: Path):
    several = [
        made("msrnet", 27 + k / 10, references=k, reference_list="refs_lr") for k in (1, 3, 8)
    ]
    assert reference_curve(several, tmp_path / "curve.png", "title")
    assert (tmp_path / "curve.pdf").exists()
    assert not reference_curve([several[0], made("edsr", 27)], tmp_path / "none.png", "title")
    assert not (tmp_path / "none.png").exists()


def test_leaderboards_without_bicubic_or_spread_are_drawn(tmp_path: Path):
    rows = [made("edsr", 27, spread=0), made("srcnn", 26, spread=0)]
    save_figure(quality_against_cost(rows, "title"), tmp_path / "cost.png")
    distributions([*rows, made("bicubic", 25, None, spread=0)], tmp_path / "spread.png", "title")
    assert (tmp_path / "spread.pdf").exists()


def test_figures_that_cannot_be_written_say_so(tmp_path: Path):
    (tmp_path / "figures").write_text("")
    with pytest.raises(FaceRefError, match="Choose another place"):
        Leaderboard.of(leaderboard_results()).plot(tmp_path / "figures" / "cost.png")


def test_crops_are_the_regions_themselves():
    image = np.arange(128 * 128 * 3, dtype=np.uint32).reshape(128, 128, 3).astype(np.uint8)
    found = crops(image)
    assert found.shape == (66, 64, 3)
    assert (found[:32] == image[36:68, 32:96]).all()
    assert (found[-32:] == image[78:110, 32:96]).all()


def test_a_small_face_is_enlarged_as_squares():
    lr = np.arange(16 * 16 * 3, dtype=np.uint16).reshape(16, 16, 3).astype(np.uint8)
    large = with_square_pixels(lr)
    assert large.shape == (128, 128, 3)
    assert (large[::8, ::8] == lr).all()
    assert (large[7::8, 7::8] == lr).all()


def test_crops_are_beside_those_of_the_references(tmp_path: Path, sample_faces: np.ndarray):
    examples = [
        Example(face[::8, ::8], face, [face, face], list(sample_faces[4:6]), [0.9, 0.8])
        for face in sample_faces[:2]
    ]
    png, pdf = zoom(examples, ["One", "Two"], tmp_path / "zoom.png")
    # LR, two methods, HR twice and two references: seven columns, two rows.
    width, height = Image.open(png).size
    assert 2.5 < width / height < 3.5
    assert b"/FontFile2" in pdf.read_bytes()
