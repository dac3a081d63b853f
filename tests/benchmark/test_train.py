import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmark.adversarial import Adversarial
from benchmark.degrade import degrade, enlarge
from benchmark.evaluate import Setting, evaluate
from benchmark.methods import load
from benchmark.predictions import evaluate_predictions
from benchmark.protocol import Budget
from benchmark.run import Run
from benchmark.train import learning_rate, train, validation_steps
from faceref.errors import FaceRefError
from faceref.store import FaceRef

BUDGET = Budget("tiny", 48, 6, 1e-3, 2, 2, 4, max_references=2)


def test_learning_rate_warms_up_and_decays():
    budget = Budget("b", 1000, 10, 1.0, 10, 1, 1)
    rates = [learning_rate(budget, step) for step in range(budget.steps)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 1e-3
    assert rates[55] == pytest.approx(0.5)


def test_validation_is_evenly_spaced_and_ends_the_training():
    assert validation_steps(Budget("b", 1000, 10, 1, 1, 4, 1)) == {25, 50, 75, 100}
    assert validation_steps(Budget("b", 20, 10, 1, 1, 9, 1)) == {1, 2}


@pytest.fixture(scope="module")
def trained(tiny_face_ref: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "msrnet"
    train(tiny_face_ref, "msrnet", BUDGET, out)
    return out


def test_an_interrupted_training_ends_with_the_same_weights(
    tiny_face_ref: Path, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("benchmark.train.SAVE_SECONDS", 0.0)

    def stop(done: int, total: int, state: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(tiny_face_ref, "msrnet", BUDGET, out, progress=stop)
    report = train(tiny_face_ref, "msrnet", BUDGET, out)
    assert report["steps"] == BUDGET.steps
    whole, parts = (torch.load(Run(run).checkpoint, weights_only=True) for run in (trained, out))
    for name, value in whole["model"].items():
        assert torch.allclose(value, parts["model"][name], atol=2e-3), name
    expected = Run(trained).training()["val_curve"]
    for (step, found), (expected_step, value) in zip(report["val_curve"], expected, strict=True):
        assert step == expected_step
        assert found == pytest.approx(value, abs=0.02)


def test_a_finished_training_is_not_done_again(tiny_face_ref: Path, trained: Path):
    before = Run(trained).checkpoint.stat().st_mtime_ns
    train(tiny_face_ref, "msrnet", BUDGET, trained)
    assert Run(trained).checkpoint.stat().st_mtime_ns == before


def test_val_chose_the_weights(trained: Path):
    report = Run(trained).training()
    best = max(report["val_curve"], key=lambda entry: entry[1])
    assert report["best_step"] == best[0]
    assert report["val_psnr_y"] == pytest.approx(best[1], abs=1e-3)


def test_a_loss_that_learns_is_saved_and_the_last_weights_are_kept(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    method = replace(load("srcnn"), criterion=Adversarial)
    monkeypatch.setattr("benchmark.train.load", lambda name: method)
    report = train(tiny_face_ref, "srcnn", replace(BUDGET, samples=12), tmp_path / "run")
    assert report["best_step"] == report["steps"] == 2
    saved = torch.load(Run(tmp_path / "run").checkpoint, weights_only=True)
    assert saved["criterion"]["calls"] == 2
    report = train(tiny_face_ref, "srcnn", replace(BUDGET, samples=12), tmp_path / "run")
    assert report["steps"] == 2


def test_training_never_opens_the_test_split(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened = []
    shards = FaceRef.shards

    def watch(self: FaceRef, split: str) -> list[Path]:
        opened.append(split)
        return shards(self, split)

    monkeypatch.setattr(FaceRef, "shards", watch)
    train(tiny_face_ref, "srcnn", BUDGET, tmp_path / "run")
    assert set(opened) == {"train", "val"}


def test_a_run_of_another_method_or_seed_is_kept(tiny_face_ref: Path, trained: Path):
    with pytest.raises(FaceRefError, match="another method: 'msrnet', now 'edsr'"):
        train(tiny_face_ref, "edsr", BUDGET, trained)
    with pytest.raises(FaceRefError, match="another seed"):
        train(tiny_face_ref, "msrnet", BUDGET, trained, seed=3)


def test_replaced_weights_are_noticed(tiny_face_ref: Path, trained: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in trained.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "best.pt").write_bytes(b"other")
    with pytest.raises(FaceRefError, match="damaged or was replaced"):
        evaluate(tiny_face_ref, "msrnet", Setting("folder-x8@1"), run=copy)


def test_cuda_is_never_replaced_by_the_cpu(tiny_face_ref: Path, tmp_path: Path):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(FaceRefError, match="no CUDA device"):
        train(tiny_face_ref, "edsr", BUDGET, tmp_path / "run", device="cuda")


def test_the_target_as_reference_helps_by_five_db(tiny_face_ref: Path, trained: Path):
    plain, oracle = (
        evaluate(tiny_face_ref, "msrnet", Setting("folder-x8@1", oracle=oracle), run=trained)
        for oracle in (False, True)
    )
    assert oracle.reference_list == "target"
    assert oracle.means["psnr_y"] > plain.means["psnr_y"] + 5


def test_scores_of_predictions_are_those_of_the_method(tiny_face_ref: Path, tmp_path: Path):
    setting = Setting("folder-x8@1")
    face_ref = FaceRef.open(tiny_face_ref)
    for image_id, hr in zip(
        face_ref.column("test", "image_id"), face_ref.images("test"), strict=True
    ):
        path = tmp_path / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(enlarge(degrade(hr))).save(path)
    theirs = evaluate_predictions(tiny_face_ref, tmp_path, "mine", setting)
    ours = evaluate(tiny_face_ref, "bicubic", setting)
    # Pillow rounds between its two passes, the network does not.
    assert theirs.scores["psnr_y"] == pytest.approx(ours.scores["psnr_y"], abs=0.05)
    next(tmp_path.rglob("*.png")).unlink()
    with pytest.raises(FaceRefError, match="No prediction for"):
        evaluate_predictions(tiny_face_ref, tmp_path, "mine", setting)


BLOCKED = [
    "typer",
    "click",
    "rich",
    "pandas",
    "sklearn",
    "skimage",
    "scipy",
    "matplotlib",
    "datasets",
    "huggingface_hub",
    "faiss",
    "insightface",
    "onnxruntime",
    "dlib",
    "safetensors",
]


def test_train_and_evaluate_need_no_more_than_a_lean_host_has(tiny_face_ref: Path, tmp_path: Path):
    code = textwrap.dedent(f"""
        import builtins, sys
        real = builtins.__import__
        def lean(name, *rest, **named):
            if name.split(".")[0] in {BLOCKED!r}:
                raise ModuleNotFoundError(f"{{name}} is not on a lean host")
            return real(name, *rest, **named)
        builtins.__import__ = lean
        from benchmark.__main__ import main
        face_ref, out = sys.argv[1:]
        assert main(["train", face_ref, "--method", "srcnn", "--budget", "debug",
                     "--out", out + "/run"]) == 0
        assert main(["evaluate", face_ref, "--method", "srcnn", "--run", out + "/run",
                     "--results", out + "/results"]) == 0
        """)
    subprocess.run([sys.executable, "-c", code, str(tiny_face_ref), str(tmp_path)], check=True)
    found = list((tmp_path / "results").rglob("*.json"))
    assert [json.loads(path.read_text())["method"] for path in found] == ["srcnn"]
