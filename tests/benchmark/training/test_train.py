import json
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
import torch
from PIL import Image

from baselines._adversarial import Adversarial
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.predictions import evaluate_predictions
from benchmark.evaluation.setting import Setting
from benchmark.methods.registry import load_method
from benchmark.methods.source import source_digest
from benchmark.protocol.budgets import Budget
from benchmark.protocol.degradation import degrade, upsample_bicubic
from benchmark.training import train as train_module
from benchmark.training import trainer
from benchmark.training.run import DIGESTS, Run, save, seen_references
from benchmark.training.schedule import learning_rate, validation_steps
from benchmark.training.train import Running, precision_note, precision_of, train
from benchmark.training.trainer import TimeUp, Trainer
from faceref import hardware as precision
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError
from faceref.files import write_json
from faceref.lr_encoder.model import one_thread
from tests.benchmark.other_lists import with_turned_lists

ROOT = Path(__file__).resolve().parents[3]
BUDGET = Budget("tiny", 24, 3, 1e-3, 2, 2, 4, max_references=2)
SHORT = Budget("tiny", 12, 3, 1e-3, 2, 2, 2, max_references=2)


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
    train(FaceRef.open(tiny_face_ref), "msrnet", BUDGET, out)
    return out


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
import benchmark.training.trainer
from benchmark.training.train import train
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from tests.benchmark.narrow import narrow_srcnn
from tests.benchmark.training.test_train import SHORT

narrow_srcnn()
torch.set_num_threads(1)
benchmark.training.trainer.SAVE_SECONDS = 0.0
face_ref, out, method, last = sys.argv[1:]

def die(done, total, state):
    if done == int(last):
        os.kill(os.getpid(), signal.SIGKILL)

train(FaceRef.open(face_ref), method, SHORT, Path(out), progress=die)
"""


def start_and_kill(face_ref: Path, out: Path, method: str, last: int) -> int:
    """Train in a process of its own that is killed after step `last`; returns its status."""
    arguments = [str(face_ref), str(out), method, str(last)]
    return subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT).returncode


@pytest.mark.parametrize(("method", "last"), [("srcnn", 1), ("msrnet", 3)])
def test_a_killed_training_ends_with_the_same_bytes(
    tiny_face_ref: Path, tmp_path: Path, method: str, last: int
):
    """Killed before the first of two validations, and after it."""
    seen: list[int] = []
    with one_thread():
        train(FaceRef.open(tiny_face_ref), method, SHORT, tmp_path / "whole")
    assert start_and_kill(tiny_face_ref, tmp_path / "parts", method, last) == -signal.SIGKILL
    assert not Run(tmp_path / "parts").report.exists()
    with one_thread():
        train(
            FaceRef.open(tiny_face_ref),
            method,
            SHORT,
            tmp_path / "parts",
            progress=lambda done, *_: seen.append(done),
        )
    assert seen[0] == last + 1
    whole, parts = (Run(tmp_path / name) for name in ("whole", "parts"))
    for key in ("weights_sha256", "losses", "val_curve", "best_step"):
        assert whole.training()[key] == parts.training()[key], key
    kept = [torch.load(run.checkpoint, weights_only=True) for run in (whole, parts)]
    for name, value in kept[0]["model"].items():
        assert torch.equal(value, kept[1]["model"][name]), name


def test_a_network_that_fails_on_two_faces_is_not_trained(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nor is it tried again where a training goes on: its checkpoint shows that it works."""
    out = tmp_path / "run"
    broken = replace(load_method("srcnn"), build=lambda: torch.nn.Conv2d(3, 3, 1))
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.training.train.load_method", lambda name: broken)
        with pytest.raises(FaceRefError, match=r"srcnn fails when its forward\(lr, refs\)"):
            train(FaceRef.open(tiny_face_ref), "srcnn", SHORT, out)
    assert not Run(out).checkpoint.exists()
    with pytest.raises(TimeUp):
        train(FaceRef.open(tiny_face_ref), "srcnn", SHORT, out, running=Running(until=0.0))
    monkeypatch.setattr("benchmark.training.train.need_working", None)
    assert train(FaceRef.open(tiny_face_ref), "srcnn", SHORT, out)["steps"] == 4


def test_a_training_stops_in_time_and_goes_on(tiny_face_ref: Path, tmp_path: Path):
    whole = train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "whole")
    with pytest.raises(TimeUp, match="0 of 8 steps of srcnn"):
        train(
            FaceRef.open(tiny_face_ref),
            "srcnn",
            BUDGET,
            tmp_path / "run",
            running=Running(until=0.0),
        )
    assert Run(tmp_path / "run").checkpoint.exists()
    report = train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run")
    assert report["losses"] == whole["losses"]


def test_the_first_validation_has_to_fit_into_the_time_too(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """On a clock of a second a step: after 3 steps a step, 3 batches of 2 and 3 s to spare."""
    now = [0.0]

    def step(_trainer: Trainer, _loader: object) -> float:
        now[0] += 1
        return 0.1

    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Trainer, "step", step)
    assert FaceRef.open(tiny_face_ref).manifest["counts"]["val"] == 6
    wide = replace(BUDGET, samples=16, batch_size=2, validation_faces=60)
    for until in (9.5, 9.0):
        with pytest.raises(TimeUp, match="3 of 8 steps") as stop:
            train(
                FaceRef.open(tiny_face_ref),
                "srcnn",
                wide,
                tmp_path / "hasty",
                running=Running(until=until),
            )
    assert "none of them now: the next takes some 7 s" in str(stop.value)
    now[0] = 0.0
    whole = train(
        FaceRef.open(tiny_face_ref), "srcnn", wide, tmp_path / "run", running=Running(until=11.5)
    )
    assert whole["steps"] == 8


def test_a_validation_is_counted_once(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """On a clock of a second a step and ten a validation, of which there are two."""
    now = [0.0]

    def wait(seconds: float, found: float) -> float:
        now[0] += seconds
        return found

    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Trainer, "step", lambda self, loader: wait(1, 0.1))
    monkeypatch.setattr(Trainer, "score", lambda self, val: wait(10, 20.0))
    wide = replace(BUDGET, samples=16, batch_size=2, validations=2)
    report = train(FaceRef.open(tiny_face_ref), "srcnn", wide, tmp_path / "run")
    assert (report["steps"], report["seconds"]) == (8, 8 + 2 * 10)
    assert report["images_per_second"] == 2.0


@pytest.mark.parametrize("native", [True, False])
def test_bf16_is_used_where_the_device_computes_in_it(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
):
    monkeypatch.setattr(precision, "computes_bf16", lambda device: native)
    report = train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run")
    plain = train(
        FaceRef.open(tiny_face_ref),
        "srcnn",
        BUDGET,
        tmp_path / "plain",
        running=Running(precision="fp32"),
    )
    assert report["precision"] == ("bf16" if native else "fp32")
    assert plain["precision"] == "fp32"
    assert (report["losses"] == plain["losses"]) is not native
    assert bool(precision_note(BUDGET, Running())) is not native
    assert precision_note(BUDGET, Running(precision="fp32")) == ""
    found = evaluate(
        FaceRef.open(tiny_face_ref), "srcnn", Setting("folder-x8@1"), run=tmp_path / "run"
    )
    assert found.training is not None
    assert found.training["precision"] == report["precision"]


def test_a_budget_of_float32_stays_so(tiny_face_ref: Path, tmp_path: Path):
    cpu = torch.device("cpu")
    assert precision_of(replace(BUDGET, precision="fp32"), "auto", cpu) == "fp32"
    assert precision_of(BUDGET, "bf16", cpu) == "bf16"
    with pytest.raises(FaceRefError, match="auto, bf16, fp32"):
        train(
            FaceRef.open(tiny_face_ref),
            "srcnn",
            BUDGET,
            tmp_path / "run",
            running=Running(precision="fp16"),
        )


def test_a_training_that_is_taken_up_keeps_its_precision(tiny_face_ref: Path, tmp_path: Path):
    whole = train(
        FaceRef.open(tiny_face_ref),
        "srcnn",
        BUDGET,
        tmp_path / "whole",
        running=Running(precision="fp32"),
    )
    hasty = Running(until=0.0, precision="fp32")
    with pytest.raises(TimeUp):
        train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run", running=hasty)
    bf16 = Running(precision="bf16")
    for _ in ("begun", "finished"):
        with pytest.raises(FaceRefError, match="a training in fp32, and --precision bf16"):
            train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run", running=bf16)
        report = train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run")
    assert (report["precision"], report["losses"]) == ("fp32", whole["losses"])


def test_checkpoints_from_when_budgets_had_an_average_go_on_where_it_was_off(
    tiny_face_ref: Path, tmp_path: Path
):
    face_ref = FaceRef.open(tiny_face_ref)
    whole = train(face_ref, "srcnn", BUDGET, tmp_path / "whole")
    with pytest.raises(TimeUp):
        train(face_ref, "srcnn", BUDGET, tmp_path / "run", running=Running(until=0.0))
    run = Run(tmp_path / "run")
    saved = torch.load(run.checkpoint, weights_only=True)
    settings = json.loads(saved["settings"])
    for decay in (0.9, 0.0):
        settings["budget"]["ema"] = decay
        save({**saved, "settings": json.dumps(settings)}, run.checkpoint)
        if decay:
            with pytest.raises(FaceRefError, match=r"another ema of its budget: 0\.9, now None"):
                train(face_ref, "srcnn", BUDGET, run.root)
    report = train(face_ref, "srcnn", BUDGET, run.root)
    assert report["weights_sha256"] == whole["weights_sha256"]
    write_json(run.report, {**report, "budget": {**report["budget"], "ema": 0.0}})
    assert train(face_ref, "srcnn", BUDGET, run.root)["losses"] == whole["losses"]


def test_a_training_reports_its_speed_and_its_waiting(tiny_face_ref: Path, tmp_path: Path):
    vectors: list[str] = []
    report = train(
        FaceRef.open(tiny_face_ref),
        "srcnn",
        BUDGET,
        tmp_path / "run",
        progress=lambda done, total, state: vectors.append(state),
    )
    assert re.fullmatch(r"L1 0\.\d+, \d+ images/s, 0:\d\d left, stall \d+\.\d %", vectors[0])
    assert re.search(r"val \d+\.\d\d dB$", vectors[-1])
    assert report["images_per_second"] > 0
    assert 0 <= report["stall_share"] <= 1
    assert report["peak_memory_mib"] > 50


def test_trainings_on_other_references_have_leaderboards_of_their_own(
    tiny_face_ref: Path, tmp_path: Path
):
    budget = replace(BUDGET, samples=12)
    opened = FaceRef.open(tiny_face_ref)
    report = train(opened, "ttsr_s", budget, tmp_path / "run", reference_list="random")
    assert report["reference_list"] == "random"
    found = evaluate(opened, "ttsr_s", Setting("folder-x8@1"), run=tmp_path / "run")
    assert found.budget == "tiny-on-random"
    with pytest.raises(FaceRefError, match="another reference list: 'random', now 'both'"):
        train(opened, "ttsr_s", budget, tmp_path / "run")
    with pytest.raises(FaceRefError, match="refs_mid"):
        train(opened, "ttsr_s", budget, tmp_path / "two", reference_list="refs_mid")
    with pytest.raises(FaceRefError, match="msrnet is trained with other faces of each batch"):
        train(opened, "msrnet", budget, tmp_path / "two", reference_list="random")


def test_curves_are_written_for_tensorboard(tiny_face_ref: Path, tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    running = Running(log=tmp_path / "log")
    report = train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run", running=running)
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert len(events.Scalars("loss")) == BUDGET.steps
    found = [[event.step, round(event.value, 4)] for event in events.Scalars("val_psnr_y")]
    assert found == [[step, pytest.approx(value, abs=1e-3)] for step, value in report["val_curve"]]


def test_a_finished_training_is_not_done_again(tiny_face_ref: Path, trained: Path):
    before = Run(trained).checkpoint.stat().st_mtime_ns
    train(FaceRef.open(tiny_face_ref), "msrnet", BUDGET, trained)
    assert Run(trained).checkpoint.stat().st_mtime_ns == before


def test_val_chose_the_weights(trained: Path):
    report = Run(trained).training()
    best = max(report["val_curve"], key=lambda entry: entry[1])
    assert report["best_step"] == best[0]
    assert report["val_psnr_y"] == pytest.approx(best[1], abs=1e-3)


def test_a_loss_that_learns_is_saved_and_the_last_weights_are_kept(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    method = replace(load_method("srcnn"), criterion=Adversarial)
    monkeypatch.setattr("benchmark.training.train.load_method", lambda name: method)
    report = train(
        FaceRef.open(tiny_face_ref), "srcnn", replace(BUDGET, samples=6), tmp_path / "run"
    )
    assert report["best_step"] == report["steps"] == 2
    saved = torch.load(Run(tmp_path / "run").checkpoint, weights_only=True)
    assert saved["criterion"]["calls"] == 2
    report = train(
        FaceRef.open(tiny_face_ref), "srcnn", replace(BUDGET, samples=6), tmp_path / "run"
    )
    assert report["steps"] == 2


def test_training_never_sees_the_test_split(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    read: dict[str, set[str]] = {"train": set(), "val": set(), "test": set()}
    table, stream = FaceRef.table, FaceRef.stream

    def watch(self: FaceRef, split: str, columns: Sequence[str]) -> pa.Table:
        read[split] |= set(columns)
        return table(self, split, columns)

    def follow(self: FaceRef, split: str) -> Iterator[tuple[str, bytes]]:
        read[split].add("image")
        return stream(self, split)

    monkeypatch.setattr(FaceRef, "table", watch)
    monkeypatch.setattr(FaceRef, "stream", follow)
    train(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path / "run")
    assert "image" in read["train"] & read["val"]
    assert read["test"] == {"image_id", "sha256"}, "only what names the data"


def test_a_run_of_another_method_or_seed_is_kept(tiny_face_ref: Path, trained: Path):
    with pytest.raises(FaceRefError, match="another method: 'msrnet', now 'edsr'"):
        train(FaceRef.open(tiny_face_ref), "edsr", BUDGET, trained)
    with pytest.raises(FaceRefError, match="another seed"):
        train(FaceRef.open(tiny_face_ref), "msrnet", BUDGET, trained, seed=3)


def test_a_training_on_other_references_is_not_taken_up(
    tiny_face_ref: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Lists that were mined anew, by another threshold, have the same data revision."""
    other = with_turned_lists(tiny_face_ref, tmp_path / "other")
    own = FaceRef.open(tiny_face_ref)
    assert data_revision(own) == data_revision(other)
    with pytest.raises(TimeUp):
        train(own, "ttsr_s", SHORT, tmp_path / "half", running=Running(until=0.0))
    train(own, "ttsr_s", SHORT, tmp_path / "whole")
    with pytest.raises(FaceRefError, match=r"another set of references .*another --out"):
        train(other, "ttsr_s", SHORT, tmp_path / "half")
    assert not capsys.readouterr().err
    report = Run(tmp_path / "whole").training()
    assert train(other, "ttsr_s", SHORT, tmp_path / "whole") == report
    assert re.search("another set of references .*another --out", capsys.readouterr().err)
    assert report.pop("references_sha256") == seen_references(own)
    write_json(tmp_path / "whole" / "training.json", report)
    train(other, "ttsr_s", SHORT, tmp_path / "whole")
    assert not capsys.readouterr().err
    train(own, "srcnn", SHORT, tmp_path / "single")
    assert "references_sha256" not in Run(tmp_path / "single").training()
    train(other, "srcnn", SHORT, tmp_path / "single")


def test_other_code_of_the_method_is_said_where_a_training_goes_on(
    tiny_face_ref: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    faces, method = FaceRef.open(tiny_face_ref), load_method("srcnn")
    with pytest.raises(TimeUp):
        train(faces, "srcnn", SHORT, tmp_path, running=Running(until=0.0))
    train(faces, "srcnn", SHORT, tmp_path)
    assert "other source code" not in capsys.readouterr().err
    assert Run(tmp_path).training()["method_sha256"] == source_digest(method)
    monkeypatch.setattr(train_module, "source_digest", lambda method: "b" * 64)
    train(faces, "srcnn", SHORT, tmp_path)
    assert "other source code of srcnn" in capsys.readouterr().err
    result = evaluate(faces, "srcnn", Setting("folder-x8@1"), run=tmp_path)
    assert (result.training or {})["method_sha256"] == source_digest(method)


@pytest.mark.parametrize("kept", [True, False])
def test_a_training_that_goes_on_reports_the_source_that_it_began_with(
    tiny_face_ref: Path, tmp_path: Path, kept: bool
):
    """One from before digests were kept has none: what it began with is not known."""
    faces, run = FaceRef.open(tiny_face_ref), Run(tmp_path)
    with pytest.raises(TimeUp):
        train(faces, "ttsr_s", SHORT, tmp_path, running=Running(until=0.0))
    began = {"method_sha256": "a" * 64, "references_sha256": seen_references(faces)}
    began = began if kept else {}
    saved = torch.load(run.checkpoint, weights_only=True)
    settings = json.loads(saved["settings"])
    del settings["method_sha256"], settings["references_sha256"]
    save({**saved, "settings": json.dumps(settings | began)}, run.checkpoint)
    with pytest.raises(TimeUp):
        train(faces, "ttsr_s", SHORT, tmp_path, running=Running(until=0.0))
    report = train(faces, "ttsr_s", SHORT, tmp_path)
    assert {name: report[name] for name in report if name in DIGESTS} == began
    assert run.training() == report


def test_replaced_weights_are_noticed(tiny_face_ref: Path, trained: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in trained.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "best.pt").write_bytes(b"other")
    with pytest.raises(FaceRefError, match="damaged or was replaced"):
        evaluate(FaceRef.open(tiny_face_ref), "msrnet", Setting("folder-x8@1"), run=copy)


def test_cuda_is_never_replaced_by_the_cpu(tiny_face_ref: Path, tmp_path: Path):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(FaceRefError, match="no CUDA device"):
        train(
            FaceRef.open(tiny_face_ref), "edsr", BUDGET, tmp_path / "run", running=Running("cuda")
        )


def test_the_target_as_reference_is_given(tiny_face_ref: Path):
    opened, setting = FaceRef.open(tiny_face_ref), Setting("folder-x8@1", oracle=True)
    oracle = evaluate(opened, "nearest_reference", setting)
    assert oracle.reference_list == "target"
    assert oracle.means["psnr_y"] == 100


def test_scores_of_predictions_are_those_of_the_method(tiny_face_ref: Path, tmp_path: Path):
    setting = Setting("folder-x8@1")
    face_ref = FaceRef.open(tiny_face_ref)
    for image_id, hr in zip(
        face_ref.column("test", "image_id"), face_ref.images("test"), strict=True
    ):
        path = tmp_path / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(upsample_bicubic(degrade(hr))).save(path)
    theirs = evaluate_predictions(FaceRef.open(tiny_face_ref), tmp_path, "mine", setting)
    ours = evaluate(FaceRef.open(tiny_face_ref), "bicubic", setting)
    # Pillow rounds between its two passes, the network does not.
    assert theirs.scores["psnr_y"] == pytest.approx(ours.scores["psnr_y"], abs=0.05)
    next(tmp_path.rglob("*.png")).unlink()
    with pytest.raises(FaceRefError, match="No prediction for"):
        evaluate_predictions(FaceRef.open(tiny_face_ref), tmp_path, "mine", setting)


BLOCKED = [
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
        from benchmark.cli.app import app
        from tests.benchmark.narrow import narrow_srcnn
        narrow_srcnn()
        face_ref, out = sys.argv[1:]
        app(["train", face_ref, "--method", "srcnn", "--budget", "debug", "--out", out + "/run"],
            standalone_mode=False)
        app(["evaluate", face_ref, "--method", "srcnn", "--weights", out + "/run",
             "--results", out + "/results"], standalone_mode=False)
        """)
    command = [sys.executable, "-c", code, str(tiny_face_ref), str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    found = list((tmp_path / "results").rglob("*.json"))
    assert [json.loads(path.read_text())["method"] for path in found] == ["srcnn"]


@pytest.mark.parametrize(
    ("device", "said"),
    [("cpu", r"a C\+\+ compiler, and 'g\+\+'"), ("cuda", "a C compiler, and 'gcc'")],
)
def test_compile_needs_the_compiler_of_its_device(
    device: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trainer.shutil, "which", lambda name: None)
    with pytest.raises(FaceRefError, match=said):
        trainer._need_compiler(torch.device(device))
    monkeypatch.setattr(trainer.shutil, "which", lambda name: f"/usr/bin/{name}")
    trainer._need_compiler(torch.device(device))
