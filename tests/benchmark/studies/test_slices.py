from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.setting import Setting
from benchmark.results import files as result_files
from benchmark.results.result import Result, label
from benchmark.studies.slices import (
    Slice,
    Wanted,
    compare_in_slices,
    find_row,
    markdown,
    slices_of_face_ref,
    slices_of_table,
    write_slices,
)
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from tests.benchmark.made_results import FACES, IDS, made

HALF = np.arange(FACES) < FACES // 2


def better_where(images: np.ndarray, gain: float) -> tuple[Result, Result]:
    """Two rows, the first better by about `gain` on `images` alone."""
    rival = made("srcnn", 26)
    noise = np.tile([0.05, -0.05], FACES // 2)
    psnr = (np.array(rival.scores["psnr_y"], float) + noise + gain * images).round(4)
    scores = {**rival.scores, "psnr_y": psnr.tolist()}
    means = {**rival.means, "psnr_y": float(psnr.mean())}
    return replace(rival, method="edsr", title="EDSR", scores=scores, means=means), rival


def test_the_slice_that_holds_the_gain_is_found():
    method, rival = better_where(HALF, 0.5)
    rows = compare_in_slices(method, rival, [Slice("first", HALF), Slice("second", ~HALF)])
    assert [row.name for row in rows] == ["all", "first", "second"]
    assert [row.images for row in rows] == [FACES, FACES // 2, FACES // 2]
    assert rows[1].mean == pytest.approx(0.5, abs=0.05)
    assert rows[1].low < 0.5 < rows[1].high + 0.05
    assert rows[1].p < 0.001 < 0.05 < rows[2].p
    assert rows[0].mean == pytest.approx((rows[1].mean + rows[2].mean) / 2)


def test_a_slice_of_few_images_is_left_out():
    method, rival = better_where(HALF, 0.5)
    few = np.arange(FACES) < 5
    assert [row.name for row in compare_in_slices(method, rival, [Slice("few", few)])] == ["all"]


def test_celeba_s_text_file_gives_two_slices_an_attribute(tmp_path: Path):
    file = tmp_path / "list_attr_celeba.txt"
    ids = ["000001", "000002", "000003"]
    file.write_text("3\nMale Smiling\n000001.jpg -1  1\n000002.jpg  1  1\n000003.jpg  1 -1\n")
    found = {one.name: one.images.tolist() for one in slices_of_table(file, ids[::-1])}
    assert found == {
        "Male": [True, True, False],
        "not Male": [False, False, True],
        "Smiling": [False, True, True],
        "not Smiling": [True, False, False],
    }


def test_a_csv_of_words_gives_a_slice_a_word(tmp_path: Path):
    file = tmp_path / "groups.csv"
    file.write_text("image_id,age\na/1,Old\na/2,young\nb/1,old\n")
    found = {one.name: one.images.tolist() for one in slices_of_table(file, ["a/1", "a/2", "b/1"])}
    assert found == {"age: old": [True, False, True], "age: young": [False, True, False]}


def test_tables_that_do_not_fit_say_so(tmp_path: Path):
    file = tmp_path / "groups.csv"
    file.write_text("image_id,age\na/1,old\n")
    with pytest.raises(FaceRefError, match="lacks 1 of 2 images, such as 'b/9'"):
        slices_of_table(file, ["a/1", "b/9"])
    file.write_text("image_id,age\na/1\n")
    with pytest.raises(FaceRefError, match="is too short or long"):
        slices_of_table(file, ["a/1"])
    with pytest.raises(FaceRefError, match=r"none\.csv cannot be read: No such file"):
        slices_of_table(tmp_path / "none.csv", ["a/1"])


def test_measured_quality_gives_thirds(tiny_face_ref: Path):
    ids = FaceRef.open(tiny_face_ref).column("test", "image_id")
    found = slices_of_face_ref(FaceRef.open(tiny_face_ref), "test", ids)
    assert {one.name.partition(":")[0] for one in found} >= {"sharpness"}
    for place in range(0, len(found), 3):
        whole = sum(one.images.astype(int) for one in found[place : place + 3])
        assert np.array_equal(whole, np.ones(len(ids), int))
    quality = FaceRef.open(tiny_face_ref).column("test", "quality")
    sharpness = np.array([row["sharpness"] for row in quality])
    sharp = next(one for one in found if one.name == "sharpness: highest third")
    assert sharpness[sharp.images].min() > sharpness[~sharp.images].max()
    with pytest.raises(FaceRefError, match=r"has no 'moon/1'.*lacks 1 of"):
        slices_of_face_ref(FaceRef.open(tiny_face_ref), "test", [*ids, "moon/1"])


def test_the_page_and_figure_are_written(tmp_path: Path):
    for result in better_where(HALF, 0.5):
        result_files.write(result, tmp_path / "results")
    table = tmp_path / "groups.csv"
    rows = [f"{name},{int(half)}" for name, half in zip(IDS, HALF, strict=True)]
    table.write_text("\n".join(["image_id,glasses", *rows]))
    arguments = [
        "study",
        "slices",
        str(tmp_path / "results"),
        "--method",
        "edsr",
        "--against",
        "SRCNN",
    ]
    arguments += ["--attributes", str(table), "--out", str(tmp_path / "slices.md")]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.output
    text = (tmp_path / "slices.md").read_text()
    assert "| glasses | 20 |" in text
    assert "| not glasses | 20 |" in text
    assert (tmp_path / "slices.png").read_bytes().startswith(b"\x89PNG")


def test_rows_and_leaderboards_that_are_not_there_are_listed(tmp_path: Path, tiny_face_ref: Path):
    rows = [made("msrnet", 27, references=5, reference_list="refs_lr"), made("msrnet", 26.5)]
    assert find_row(rows, label(rows[0])) is rows[0]
    with pytest.raises(FaceRefError, match=r"'msrnet' is 2 rows.*'MSRNET \(K=0\)'"):
        find_row(rows, "msrnet")
    with pytest.raises(FaceRefError, match="'edsr' is no row"):
        find_row(rows, "edsr")
    result_files.write(rows[0], tmp_path)
    with pytest.raises(FaceRefError, match="There are, with task and budget: lfw-x8@1 small"):
        write_slices(
            tmp_path,
            Wanted("edsr", "bicubic", "full"),
            FaceRef.open(tiny_face_ref),
            None,
            tmp_path / "s.md",
        )
    with pytest.raises(FaceRefError, match="Slices of what"):
        write_slices(tmp_path, Wanted("edsr", "bicubic"), None, None, tmp_path / "s.md")


def test_slices_of_a_real_evaluation(tiny_face_ref: Path):
    result = evaluate(FaceRef.open(tiny_face_ref), "bicubic", Setting("folder-x8@1"))
    assert result.image_ids == FaceRef.open(tiny_face_ref).column("test", "image_id")


def test_faces_without_a_number_are_left_out():
    method, rival = better_where(HALF, 0.5)
    scores: list[float | None] = list(method.scores["psnr_y"])
    scores[-3:] = [None] * 3
    method = replace(method, scores={**method.scores, "psnr_y": scores})
    whole, first = compare_in_slices(method, rival, [Slice("first", HALF)])
    assert first.images == FACES // 2
    assert (whole.images, whole.name) == (FACES - 3, "all")
    assert np.isfinite([whole.mean, whole.p, *whole.means]).all()
    text = markdown(method, rival, [whole], "psnr_y")
    assert "3 faces of which one has no number" in text


def test_the_leaderboard_is_that_of_the_set(tiny_face_ref: Path, tmp_path: Path):
    result_files.write(made("bicubic", 25, None), tmp_path / "results")
    result_files.write(made("edsr", 27), tmp_path / "results")
    wanted, faces = Wanted("edsr", "bicubic"), FaceRef.open(tiny_face_ref)
    with pytest.raises(FaceRefError, match=r"No result of lfw-x8@1 in .* is on the set"):
        write_slices(tmp_path / "results", wanted, faces, None, tmp_path / "page.md")
    other = Wanted("vdsr", "bicubic")
    table = tmp_path / "t.csv"
    table.write_text("image_id,x\n")
    with pytest.raises(FaceRefError, match=r"Rows: .* --task lfw-x8@1 and --budget small"):
        write_slices(tmp_path / "results", other, None, table, tmp_path / "page.md")
