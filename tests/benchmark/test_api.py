"""The Python API, used as a notebook uses it: paths as text, sets opened or not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import benchmark
from benchmark.protocol.degradation import degrade
from benchmark.results.files import read_all
from faceref import hardware
from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError


class Nearest(nn.Module):
    """A network of one's own that knows nothing of references."""

    def forward(self, lr: Tensor) -> Tensor:
        return nn.functional.interpolate(lr, scale_factor=8)


class Mean(nn.Module):
    """A network of one's own that gives the mean of its references."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        return refs.mean(1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_importing_loads_neither_torch_nor_pandas():
    code = (
        "import sys, benchmark, faceref; benchmark.__all__, dir(benchmark)\n"
        "sys.exit(sorted({'torch', 'pandas', 'numpy', 'typer'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_is_there_and_an_unknown_one_is_an_error():
    assert all(getattr(benchmark, name) is not None for name in benchmark.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        benchmark.trian  # type: ignore[attr-defined]  # noqa: B018


def test_a_training_is_made_scored_and_ranked_with_text_for_paths(tiny_face_ref: Path, here: Path):
    run = benchmark.train(str(tiny_face_ref), "srcnn", budget="debug", out="runs/srcnn")
    assert Path(run) == Path("runs/srcnn")
    given = benchmark.evaluate("srcnn", str(tiny_face_ref), weights=run)
    named = benchmark.evaluate("srcnn", tiny_face_ref, weights="runs/srcnn", results=None)
    assert given.means == named.means
    benchmark.evaluate("bicubic", FaceRef.open(tiny_face_ref))
    assert {row.method for row in read_all(here / "results")} == {"srcnn", "bicubic"}
    table = benchmark.leaderboard().to_dataframe()
    assert set(table["method"]) == {"srcnn", "bicubic"}
    shutil.copytree(run, "srcnn")  # A folder that has the name of its method is no predictions.
    beside = benchmark.evaluate("srcnn", tiny_face_ref, weights="srcnn", results=None)
    assert beside.means == given.means


def test_that_bf16_is_only_imitated_is_said_beside_the_results(
    tiny_face_ref: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(hardware, "computes_bf16", lambda device: False)
    benchmark.train(tiny_face_ref, "srcnn", budget="debug", out="runs/srcnn")
    trained = capsys.readouterr()
    benchmark.run_suite("debug", tiny_face_ref, methods="bicubic", task="folder-x8@1", out="suite")
    for said in (trained, capsys.readouterr()):
        assert "Budget debug trains in bf16, which this cpu would only imitate" in said.err
        assert said.out == ""


def test_a_module_of_ones_own_is_scored_with_and_without_references(tiny_face_ref: Path):
    faces = FaceRef.open(tiny_face_ref)
    plain = benchmark.evaluate(Nearest(), faces, name="nearest_pixel", results=None)
    assert (plain.method, plain.references, plain.budget) == ("nearest_pixel", 0, None)
    mean = benchmark.evaluate(Mean(), faces, name="mean", references=2, results=None)
    known = benchmark.evaluate("mean_reference", faces, references=2, results=None)
    assert mean.references == 2
    assert mean.means == pytest.approx(known.means, abs=1e-3)
    with pytest.raises(FaceRefError, match="name='mine'"):
        benchmark.evaluate(Nearest(), faces, results=None)


def test_predictions_are_scored_as_the_method_that_made_them(tiny_face_ref: Path, here: Path):
    faces = FaceRef.open(tiny_face_ref)
    model = benchmark.load_model("bicubic")
    for image_id, hr in zip(faces.column("test", "image_id"), faces.images("test"), strict=True):
        lr = np.asarray(Image.fromarray(hr).resize((16, 16), Image.Resampling.BICUBIC))
        output = model(torch.from_numpy(lr.copy()).permute(2, 0, 1)[None] / 255)
        image = output[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
        path = here / "outputs" / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    theirs = benchmark.evaluate(here / "outputs", faces, name="theirs", results=None)
    assert theirs.means == benchmark.evaluate("bicubic", faces, results=None).means
    # A name that only begins as a method's is that of a folder.
    (here / "outputs").rename(here / "bicubic-outputs")
    again = benchmark.evaluate("bicubic-outputs", faces, name="theirs", results=None)
    assert again.means == theirs.means


def test_weights_of_something_that_has_its_own_are_an_error(tiny_face_ref: Path):
    with pytest.raises(FaceRefError, match="weights"):
        benchmark.evaluate(Nearest(), tiny_face_ref, name="mine", weights="runs/x", results=None)


def test_a_result_is_not_replaced_by_one_of_other_faces(tiny_face_ref: Path, here: Path):
    faces = FaceRef.open(tiny_face_ref)
    first = benchmark.evaluate("bicubic", faces)
    with pytest.raises(FaceRefError, match="of another split: test, now val"):
        benchmark.evaluate("bicubic", faces, split="val")
    with pytest.raises(FaceRefError, match="6 faces of test, which 2 of them would replace"):
        benchmark.evaluate("bicubic", faces, limit=2)
    (kept,) = read_all(here / "results")
    assert kept == first
    assert len(benchmark.leaderboard([first])) == 1
    with pytest.raises(FaceRefError, match="of one run"):
        benchmark.leaderboard([first, first])


def test_more_faces_replace_fewer(tiny_face_ref: Path, here: Path):
    for limit in (2, 4, None):
        benchmark.evaluate("bicubic", tiny_face_ref, limit=limit)
    (kept,) = read_all(here / "results")
    assert kept.images == 6


def other_set(root: Path, tmp_path: Path) -> Path:
    """The same faces in a set of another seed, which has another data revision."""
    other = Path(shutil.copytree(root, tmp_path / "other"))
    store.write_manifest(other, {**FaceRef.open(root).manifest, "seed": 1})
    return other


class Unscored(nn.Module):
    """A network that must not be called."""

    def forward(self, lr: Tensor) -> Tensor:
        raise AssertionError("scored before it was checked")


def test_a_result_of_another_set_is_refused_before_anything_is_scored(
    tiny_face_ref: Path, here: Path
):
    other = other_set(tiny_face_ref, here)
    first = benchmark.evaluate(Nearest(), tiny_face_ref, name="mine")
    said = rf"another set .*: {first.data_revision[:12]}, now (?!{first.data_revision[:12]})"
    with pytest.raises(FaceRefError, match=said + r".*a new folder as --results"):
        benchmark.evaluate(Unscored(), other, name="mine")
    outputs = Path(here / "outputs")
    for image_id in FaceRef.open(other).column("test", "image_id"):
        path = outputs / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (128, 128)).save(path)
    with pytest.raises(FaceRefError, match=said):
        benchmark.evaluate(outputs, other, name="mine")
    assert read_all(here / "results") == [first]
    benchmark.evaluate(Nearest(), other, name="mine", results="others")


def test_a_result_of_other_weights_is_not_replaced(tiny_face_ref: Path, here: Path):
    for rate in (0.0004, 0.0008):
        benchmark.train(
            tiny_face_ref, "srcnn", budget="debug", out=f"runs/{rate}", learning_rate=rate
        )
    first = benchmark.evaluate("srcnn", tiny_face_ref, weights="runs/0.0004")
    with pytest.raises(FaceRefError, match="another SHA-256 of its weights") as refused:
        benchmark.evaluate("srcnn", tiny_face_ref, weights="runs/0.0008")
    again = benchmark.evaluate("srcnn", tiny_face_ref, weights="runs/0.0004")
    assert again.means == first.means
    named = re.search("Give a new folder as --results, or delete (.*)[.]$", str(refused.value))
    assert named
    second = benchmark.evaluate("srcnn", tiny_face_ref, weights="runs/0.0008", results="new")
    Path(named[1]).unlink()
    assert benchmark.evaluate("srcnn", tiny_face_ref, weights="runs/0.0008").means == second.means


def test_a_result_that_was_written_meanwhile_is_not_replaced(tiny_face_ref: Path, here: Path):
    class Slow(Nearest):
        """Another process ends its evaluation while this one is called."""

        def forward(self, lr: Tensor) -> Tensor:
            if not (here / "results").exists():
                benchmark.evaluate(Nearest(), other, name="mine")
            return super().forward(lr)

    other = other_set(tiny_face_ref, here)
    with pytest.raises(FaceRefError, match="another set"):
        benchmark.evaluate(Slow(), tiny_face_ref, name="mine")
    (kept,) = read_all(here / "results")
    assert kept.data_revision == data_revision(FaceRef.open(other))


class Small(nn.Module):
    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        return lr


class Three(nn.Module):
    def forward(self, lr: Tensor, refs: Tensor, more: Tensor) -> Tensor:
        return more


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (Small(), {}, r"gave \(6, 3, 16, 16\) for 6 faces, where a tensor \(6, 3, 128, 128\)"),
        (Mean(), {"references": 0}, "not finite"),
        (Three(), {}, r"needs \(lr, refs, more\)"),
        (lambda lr: lr, {}, "is no torch module"),
        (Nearest(), {"references": 99}, "from 0 to 64"),
        (Nearest(), {"name": "bicubic"}, "is a method of the benchmark"),
    ],
)
def test_what_cannot_be_scored_says_why(
    tiny_face_ref: Path, module: nn.Module, options: dict, message: str
):
    with pytest.raises(FaceRefError, match=message):
        benchmark.evaluate(module, tiny_face_ref, **{"name": "mine", "results": None, **options})


def test_methods_are_a_table(tiny_face_ref: Path):
    table = benchmark.list_methods()
    assert table.loc["msrnet", "references"]
    assert not table.loc["bicubic", "trained"]
    assert table.loc["msrnet-no-error", "variant_of"] == "msrnet"


def test_an_array_an_image_and_a_file_are_upscaled_alike(tiny_build: Path, here: Path):
    faces = FaceRef.open(tiny_build)
    upscaler = benchmark.Upscaler(benchmark.load_model("bicubic"), faces, aligned=True)
    crop = faces.images("test")[0]
    Image.fromarray(crop).save("crop.png")
    outputs = [upscaler(one).image for one in (crop, Image.fromarray(crop), "crop.png")]
    assert all(np.array_equal(outputs[0], other) for other in outputs)
    lr_alone = benchmark.Upscaler(Nearest(), faces, aligned=True)
    assert lr_alone(crop).image.shape == (128, 128, 3)
    with pytest.raises(FaceRefError, match=r"nowhere\.png: cannot be read"):
        upscaler("nowhere.png")
    upscaler(crop).save("large.png")
    with Image.open("large.png") as image:
        assert "hallucinated" in image.info["Comment"]


def test_a_jpeg_is_cleaned_where_its_tables_are_known(tiny_build: Path, here: Path):
    upscaler = benchmark.Upscaler(benchmark.load_model("bicubic"), tiny_build, aligned=True)
    crop = degrade(FaceRef.open(tiny_build).images("test")[0])
    Image.fromarray(crop).save("crop.jpg", quality=30)
    with Image.open("crop.jpg") as image:
        opened = upscaler(image).image
        bare = upscaler(np.asarray(image)).image
    assert np.array_equal(upscaler("crop.jpg").image, opened)
    assert not np.array_equal(bare, opened)


def test_a_model_without_weights_says_where_they_could_be_from():
    with pytest.raises(FaceRefError, match="No weights of srcnn"):
        benchmark.load_model("srcnn")
    with pytest.raises(FaceRefError, match="Unknown method"):
        benchmark.load_model("srcn")


class Bytes(nn.Module):
    def forward(self, lr: Tensor) -> Tensor:
        return nn.functional.interpolate(lr, scale_factor=8) * 255


def test_a_network_that_gives_0_to_255_is_refused(tiny_face_ref: Path):
    with pytest.raises(FaceRefError, match="divide by 255"):
        benchmark.evaluate(Bytes(), tiny_face_ref, name="mine", results=None)


class Signed(nn.Module):
    """Gives faces in [-1, 1]."""

    def forward(self, lr: Tensor) -> Tensor:
        return benchmark.upsample(lr, 8) * 2 - 1


def test_a_network_that_gives_minus_one_to_one_is_told_what_is_expected(
    tiny_face_ref: Path, capsys: pytest.CaptureFixture[str]
):
    benchmark.evaluate("bicubic", tiny_face_ref, results=None, progress=False)
    assert "below -0.1" not in capsys.readouterr().err
    benchmark.evaluate(Signed(), tiny_face_ref, name="mine", results=None, progress=False)
    assert capsys.readouterr().err.count("return (output + 1) / 2") == 1


@pytest.mark.parametrize(
    ("lr", "refs", "message"),
    [
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), None, r"lr\.float\(\) / 255"),
        (torch.full((2, 3, 16, 16), 200.0), None, "up to 200"),
        (torch.zeros(2, 3, 32, 32), None, r"\(2, 3, 32, 32\), expected \(N, 3, 16, 16\)"),
        ([1], None, "'list'"),
        (torch.zeros(2, 3, 16, 16), torch.zeros(5, 3, 128, 128), "refs is of shape"),
        (torch.zeros(2, 3, 16, 16), torch.zeros(1, 5, 3, 128, 128), "2 LR faces and references of"),
        (np.zeros((2, 3, 16, 16)), None, "'ndarray'"),
    ],
)
def test_what_a_model_would_take_for_faces_is_refused(
    lr: Tensor, refs: Tensor | None, message: str
):
    with pytest.raises(FaceRefError, match=message):
        benchmark.load_model("bicubic")(lr, refs)


def test_no_references_may_be_of_any_type():
    lr, none = torch.rand(1, 3, 16, 16), torch.zeros(1, 0, 3, 128, 128, dtype=torch.uint8)
    model = benchmark.load_model("bicubic")
    assert torch.equal(model(lr, none), model(lr))


def test_a_set_is_not_scored_under_the_task_of_another(tiny_face_ref: Path, tmp_path: Path):
    root = Path(shutil.copytree(tiny_face_ref, tmp_path / "set"))
    store.write_manifest(root, {**FaceRef.open(root).manifest, "source": "sample"})
    with pytest.raises(FaceRefError, match=r"is about LFW deep-funneled.* is of sample"):
        benchmark.evaluate("bicubic", root, task="lfw-x8@1", results=None)
    assert benchmark.evaluate("bicubic", root, results=None).task == "sample-x8@1"


def test_more_references_than_lists_hold_are_found_by_appearance_alone(tiny_build: Path):
    faces = FaceRef.open(tiny_build)
    found = benchmark.evaluate("mean_reference", faces, references=12, results=None)
    assert found.references == 12
    with pytest.raises(FaceRefError, match=r"refs_hr .* by identity hold 4"):
        benchmark.evaluate(
            "mean_reference", faces, references=12, reference_list="refs_hr", results=None
        )


def test_two_results_are_compared_face_by_face(tiny_face_ref: Path, here: Path):
    faces = FaceRef.open(tiny_face_ref)
    bicubic = benchmark.evaluate("bicubic", faces)
    nearest = benchmark.evaluate(Nearest(), faces, name="nearest_pixel", results=None)
    (file,) = (here / "results").rglob("*.json")
    found = benchmark.compare(file, nearest)
    assert found.mean == pytest.approx(bicubic.means["psnr_y"] - nearest.means["psnr_y"], abs=1e-3)
    assert found.low <= found.mean <= found.high
    with pytest.raises(FaceRefError, match=r"no scores of 'lpips_vgg'; it has psnr_y"):
        benchmark.compare(bicubic, nearest, "lpips_vgg")
    fewer = benchmark.evaluate("bicubic", faces, limit=2, results=None)
    with pytest.raises(FaceRefError, match=r"6 of .*, and 2 of"):
        benchmark.compare(bicubic, fewer)
    with pytest.raises(FaceRefError, match="data eeeeeeeeeeee"):
        benchmark.compare(bicubic, replace(nearest, data_revision="e" * 64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "--limit 0: a whole number, 1 or more"),
        ({"references": 2.5}, "--references 2.5: a whole number, from 0 to 64"),
        ({"name": "mine"}, "has its own name"),
        ({"device": None}, "Unknown device None, which is no text. Choose from: cpu, cuda"),
    ],
)
def test_wrong_values_are_refused_before_the_work(tiny_face_ref: Path, options: dict, message: str):
    with pytest.raises(FaceRefError, match=message):
        benchmark.evaluate("bicubic", tiny_face_ref, results=None, **options)


def test_numbers_of_numpy_are_numbers(tiny_face_ref: Path, here: Path):
    four, three = np.array([4, 3])
    found = benchmark.evaluate("bicubic", tiny_face_ref, limit=four, references=three)
    assert found.images == 4
    run = benchmark.train(
        tiny_face_ref, "srcnn", budget="debug", seed=three, out=here / "run", progress=False
    )
    assert run.training()["seed"] == 3


def test_nothing_is_written_into_a_set(tiny_build: Path, tmp_path: Path):
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    before = sorted(root.rglob("*"))
    for out in (root, root / "inner"):
        with pytest.raises(FaceRefError, match="is a Face_Ref, which is left alone"):
            benchmark.train(root, "srcnn", budget="debug", out=out)
        with pytest.raises(FaceRefError, match="is a Face_Ref, which is left alone"):
            benchmark.run_suite("debug", root, methods="bicubic", out=out)
    upscaler = benchmark.Upscaler("bicubic", root, aligned=True)
    Image.fromarray(FaceRef.open(root).images("test")[0]).save(tmp_path / "crop.png")
    with pytest.raises(FaceRefError, match="is a Face_Ref"):
        benchmark.upscale_files(tmp_path / "crop.png", root / "large", upscaler)
    assert sorted(root.rglob("*")) == before


def test_files_of_others_are_left_alone(tiny_face_ref: Path, here: Path):
    result = benchmark.evaluate("bicubic", tiny_face_ref, results=None)
    board = benchmark.leaderboard(result)
    Path("mine.pdf").write_text("mine")
    with pytest.raises(FaceRefError, match=r"mine\.pdf"):
        board.plot("mine.png")
    assert Path("mine.pdf").read_text() == "mine"
    with pytest.raises(FaceRefError, match=r"\.txt"):
        board.plot("board.txt")
    for _ in range(2):
        board.plot("board.png")
    with pytest.raises(FaceRefError, match="No results"):
        benchmark.leaderboard([])
    large = benchmark.Upscaler("bicubic", aligned=True)(np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(FaceRefError, match=r"\.jpg"):
        large.save("face.jpg")
