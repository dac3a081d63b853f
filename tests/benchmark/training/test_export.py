"""A exported file stands in for the folder of its training."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file

from benchmark.evaluation.evaluate import evaluate, training_of
from benchmark.evaluation.record import TrainingRecord
from benchmark.evaluation.setting import Setting
from benchmark.methods.registry import load_method
from benchmark.protocol.budgets import BUDGETS
from benchmark.training import export
from benchmark.training.export import (
    export_weights,
    load_model,
    open_weights,
    training_report,
)
from benchmark.training.train import train
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.files import file_sha256

RELEASES = Path(__file__).parents[3] / "weights"


@pytest.fixture(scope="module")
def released(tiny_face_ref: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("released")
    budget = replace(BUDGETS["debug"], samples=16)
    train(FaceRef.open(tiny_face_ref), "srcnn", budget, root / "run")
    return root / "run", export_weights(root / "run", root / "srcnn.safetensors")


def test_it_gives_the_same_result(tiny_face_ref: Path, released: tuple[Path, Path]):
    folder, file = released
    setting = Setting("folder-x8@1")
    of_folder, of_file = (
        evaluate(FaceRef.open(tiny_face_ref), "srcnn", setting, run=run) for run in (folder, file)
    )
    assert of_file.scores == of_folder.scores
    assert of_file.training == of_folder.training
    assert (of_file.budget, of_file.seed) == (of_folder.budget, of_folder.seed)


@pytest.mark.case("E+ weights of another method")
def test_it_is_of_one_method(tiny_face_ref: Path, released: tuple[Path, Path]):
    with pytest.raises(FaceRefError, match="holds 'srcnn', not 'edsr'"):
        evaluate(FaceRef.open(tiny_face_ref), "edsr", Setting("folder-x8@1"), run=released[1])


def test_one_without_the_report_says_how_to_get_it(
    tiny_face_ref: Path, released: tuple[Path, Path], tmp_path: Path
):
    with safe_open(released[1], "pt") as opened:
        known = opened.metadata()
    old = tmp_path / "old.safetensors"
    save_file(load_file(released[1]), old, {**known, "training": '{"step": 2}'})
    old.with_name("old.safetensors.sha256").write_text(f"{file_sha256(old)}  {old.name}\n")
    with pytest.raises(FaceRefError, match="facebench export"):
        evaluate(FaceRef.open(tiny_face_ref), "srcnn", Setting("folder-x8@1"), run=old)


def test_a_damaged_one_is_seen(tiny_face_ref: Path, released: tuple[Path, Path], tmp_path: Path):
    bad = tmp_path / "srcnn.safetensors"
    weights = {name: torch.zeros_like(value) for name, value in load_file(released[1]).items()}
    save_file(weights, bad)
    shutil.copy(released[1].with_name("srcnn.safetensors.sha256"), tmp_path)
    with pytest.raises(FaceRefError, match="damaged or was replaced"):
        evaluate(FaceRef.open(tiny_face_ref), "srcnn", Setting("folder-x8@1"), run=bad)


def test_one_without_its_sum_is_not_trusted(released: tuple[Path, Path], tmp_path: Path):
    with pytest.raises(FaceRefError, match=r"lacks srcnn\.safetensors\.sha256"):
        open_weights(Path(shutil.copy(released[1], tmp_path)))


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_a_file_that_is_not_there_is_no_folder_to_train_in(name: str, tmp_path: Path):
    for read in (open_weights, training_report):
        with pytest.raises(FaceRefError, match=r"released \.safetensors file"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "file",
    sorted(RELEASES.rglob("*.safetensors")),
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)
def test_what_the_project_released_can_be_scored(file: Path):
    weights = open_weights(file)
    method = weights.method
    assert training_of(method, file, weights.scale) == training_report(file)
    least = 27 if method.criterion is None else 26  # PSNR is not the aim of another loss.
    assert TrainingRecord.of(training_report(file), method.uses_references).val_psnr_y > least


def test_of_several_exported_weights_the_longest_training_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = {}
    for budget in ("small-100000", "small-40000", "small"):
        path = tmp_path / f"lfw-x8-{budget}" / "srcnn.safetensors"
        path.parent.mkdir()
        state = load_method("srcnn").build().state_dict()
        path.write_bytes(save(state, {"method": "srcnn", "budget": budget}))
        digest = file_sha256(path)
        path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
        files[budget] = digest
    monkeypatch.setattr(export, "WEIGHTS", (tmp_path,))
    assert load_model("srcnn").sha256 == files["small-100000"]


def test_a_network_of_another_scale_is_known_everywhere(tiny_face_ref: Path, tmp_path: Path):
    face_ref = FaceRef.open(tiny_face_ref)
    budget = replace(BUDGETS["debug"], samples=16)
    report = train(face_ref, "sparnet_s", budget, tmp_path / "run", scale=4)
    file = export_weights(tmp_path / "run", tmp_path / "sparnet_s.safetensors")
    assert report["scale"] == load_model(tmp_path / "run").scale == load_model(file).scale == 4
    assert load_model(file)(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 128, 128)
    assert evaluate(face_ref, "sparnet_s", Setting("lfw-x4@1"), run=file).task == "lfw-x4@1"
    with pytest.raises(FaceRefError, match="trained for x4, and the task is of x8"):
        evaluate(face_ref, "sparnet_s", Setting("folder-x8@1"), run=file)
    with pytest.raises(FaceRefError, match="another scale: 4, now 8"):
        train(face_ref, "sparnet_s", budget, tmp_path / "run")
    with pytest.raises(FaceRefError, match="srcnn super-resolves by x8, not by x4"):
        train(face_ref, "srcnn", budget, tmp_path / "other", scale=4)


@pytest.mark.case("E28")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"sha256 is empty: it has 0 bytes. Get it again, from where"),
        (b"\n", r"sha256 holds no SHA-256: it begins with ''"),
        (b"<html>", r"sha256 holds no SHA-256: it begins with '<html>'"),
        (b"\x00\xff\xfe", r"sha256 is no text in UTF-8: line 1 has the byte 0xff"),
    ],
)
def test_a_sum_that_is_none(released: tuple[Path, Path], tmp_path: Path, data: bytes, said: str):
    path = Path(shutil.copy(released[1], tmp_path))
    (tmp_path / "srcnn.safetensors.sha256").write_bytes(data)
    for read in (open_weights, training_report):
        with pytest.raises(FaceRefError, match=said):
            read(path)


@pytest.mark.case("F a byte order mark in lists of ids, landmarks, JSON")
def test_a_sum_that_powershell_wrote(released: tuple[Path, Path], tmp_path: Path):
    path = Path(shutil.copy(released[1], tmp_path))
    (tmp_path / "srcnn.safetensors.sha256").write_text(file_sha256(path).upper(), "utf-16")
    assert open_weights(path).sha256 == file_sha256(path)


def _case(what: str, *values: str) -> Any:
    return pytest.param(*values, marks=pytest.mark.case(f"E+ weights {what}"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        _case("of other shapes", "shape", r"\(its weights \S+ are of shape \(3, 3\), not \("),
        _case("that lack a tensor", "less", r"does not fit srcnn .*\(it lacks the weights layers"),
        _case("with a tensor too many", "more", r"\(it has the weights other, which that method"),
        _case("of numbers that are none", "nan", r"layers\S+ hold numbers that are not finite"),
        _case("of another program", "no metadata", "does not name its method"),
        _case("that are an image", "an image", "is damaged|no file of safetensors|safetensors"),
        _case("that are nowhere", "nowhere", "nowhere"),
    ],
)
def test_other_files_in_place_of_weights(
    released: tuple[Path, Path], tmp_path: Path, change: str, said: str
):
    path = tmp_path / f"{change}.safetensors"
    with safe_open(released[1], "pt") as opened:
        known = opened.metadata()
    state = load_file(released[1])
    first = min(state)
    if change == "shape":
        save_file({**state, first: torch.zeros(3, 3)}, path, known)
    elif change == "less":
        save_file({name: value for name, value in state.items() if name != first}, path, known)
    elif change == "more":
        save_file({**state, "other": torch.zeros(3)}, path, known)
    elif change == "nan":
        save_file({**state, first: state[first] * float("nan")}, path, known)
    elif change == "no metadata":
        save_file(state, path)
    elif change == "an image":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    if path.exists():
        path.with_name(f"{path.name}.sha256").write_text(f"{file_sha256(path)}  {path.name}\n")
    with pytest.raises(FaceRefError, match=said) as caught:
        open_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


RUN = {
    "training.json": (
        (lambda data: data[: len(data) // 2], r"training\.json is cut off: it ends in line"),
        (lambda data: b"", r"training\.json is empty"),
        (lambda data: data.replace(b'"method"', b'"way"'), r"training\.json lacks 'method'"),
        (lambda data: data.replace(b'"srcnn"', b"[]"), r"training\.json: method is \[\], expected"),
    ),
    "best.pt": ((lambda data: b"", "damaged or was replaced"),),
}


@pytest.mark.case("E28")
@pytest.mark.parametrize(("name", "place"), [(n, p) for n in RUN for p in range(len(RUN[n]))])
def test_a_training_that_was_cut_off(
    released: tuple[Path, Path], tmp_path: Path, name: str, place: int
):
    run = Path(shutil.copytree(released[0], tmp_path / "run"))
    spoil, said = RUN[name][place]
    (run / name).write_bytes(spoil((run / name).read_bytes()))
    with pytest.raises(FaceRefError, match=said):
        open_weights(run)


@pytest.mark.case("E28")
@pytest.mark.parametrize("change", ["empty", "cut", "no step", "other optimiser", "curve"])
def test_a_checkpoint_that_cannot_be_gone_on_with(
    tiny_face_ref: Path, released: tuple[Path, Path], tmp_path: Path, change: str
):
    run = Path(shutil.copytree(released[0], tmp_path / "run"))
    (run / "training.json").unlink()
    path = run / "checkpoint.pt"
    if change in ("empty", "cut"):
        path.write_bytes(path.read_bytes()[: 5000 if change == "cut" else 0])
    else:
        saved = torch.load(path, weights_only=True)
        if change == "no step":
            del saved["state"]["step"]
        elif change == "curve":
            saved["state"]["curve"] = [1.0]
        else:
            saved["optimiser"] = {"param_groups": 3}
        torch.save(saved, path)
    budget = replace(BUDGETS["debug"], samples=16)
    with pytest.raises(FaceRefError, match=r"checkpoint\.pt.*Delete it: ") as caught:
        train(FaceRef.open(tiny_face_ref), "srcnn", budget, run)
    assert "PytorchStreamReader" not in str(caught.value)
    assert "\n" not in str(caught.value)
