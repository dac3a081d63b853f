import fcntl
import json
import os
import re
import shutil
import signal
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

import benchmark
from benchmark import background
from benchmark.cli.app import app
from benchmark.evaluation.evaluate import Progress
from benchmark.evaluation.extra_metrics import ExtraMetrics
from benchmark.evaluation.setting import Setting
from benchmark.methods.registry import load_method, method_names
from benchmark.protocol.budgets import BUDGETS, Budget
from benchmark.report.examples import trainings, trainings_of
from benchmark.results import files as result_files
from benchmark.results.files import read_all
from benchmark.suite import run as module
from benchmark.suite import status as status_module
from benchmark.suite.jobs import Job, Suite, default_methods, jobs_of
from benchmark.suite.run import carry_on
from benchmark.suite.status import status
from benchmark.training import tuning
from benchmark.training.diverged import DivergedError
from benchmark.training.run import Data
from benchmark.training.train import Running, train
from benchmark.training.tuning import RATES, at_rate, chosen, tuned
from faceref.console import progress_bar
from faceref.dataset import store
from faceref.dataset.archive import write_archive
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError
from faceref.files import write_json
from tests.benchmark.other_lists import with_turned_lists

BUDGET = Budget("tiny", 12, 6, 1e-3, 1, 1, 4, max_references=1)


@pytest.fixture
def small(tiny_face_ref: Path, tmp_path: Path) -> Suite:
    jobs = jobs_of(["bicubic", "srcnn"], range(2), ["srcnn"])
    return Suite(
        FaceRef.open(tiny_face_ref), BUDGET, tmp_path / "out", jobs, Setting("folder-x8@1", faces=3)
    )


def bar(label: str):
    return progress_bar(label, "")


def test_first_seeds_come_first_and_methods_without_training_once():
    jobs = jobs_of(["bicubic", "srcnn", "edsr"], range(3), ["edsr", "bicubic"])
    assert [job.name for job in jobs] == ["bicubic-s0", "srcnn-s0", "edsr-s0", "edsr-s1", "edsr-s2"]
    with pytest.raises(FaceRefError, match="edsr"):
        jobs_of(["edsrr"], range(1), [])


def test_small_sizes_are_for_small_budgets():
    chosen = default_methods("small")
    assert {"sparnet_s", "rcan_s", "swinir_light", "edsr", "msrnet", "bicubic"} <= set(chosen)
    assert not {"sparnet", "rcan", "swinir"} & set(chosen)
    assert default_methods("full") == default_methods("full-40000") == method_names()


@pytest.mark.parametrize("budget", [5, "tiny", "full-0"])
def test_an_unknown_budget_is_named(tiny_face_ref: Path, budget: Any):
    with pytest.raises(FaceRefError, match="Unknown budget"):
        benchmark.suite_status(budget, tiny_face_ref)


def test_a_suite_does_what_is_missing_and_no_more(small: Suite, monkeypatch: pytest.MonkeyPatch):
    outcome = carry_on(small, bar)
    assert [job.name for job in outcome.done] == ["bicubic-s0", "srcnn-s0", "srcnn-s1"]
    assert not outcome.failed
    assert not outcome.left
    found = read_all(small.results)
    assert sorted((row.method, row.seed) for row in found if row.seed is not None) == [
        ("srcnn", 0),
        ("srcnn", 1),
    ]
    run = small.run(Job("srcnn", 1))
    assert run.best.exists()
    assert not run.checkpoint.exists()
    monkeypatch.setattr(module, "train", None)
    monkeypatch.setattr(module, "evaluate", None)
    assert len(carry_on(small, bar).done) == 3


def test_results_without_a_wanted_metric_are_scored_again_and_not_trained(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    carry_on(small, bar)
    before = {row.path(small.out): row for row in read_all(small.results)}
    monkeypatch.setattr(module, "train", None)
    monkeypatch.setattr(module, "open_for", _darkness)
    monkeypatch.setattr(status_module, "parse_names", lambda text: text.split(","))
    more = replace(small, metrics="darkness")
    assert [status(more, job).results for job in more.jobs] == [0, 0, 0]
    assert len(carry_on(more, bar).done) == 3
    assert all(status(more, job).done for job in more.jobs)
    for row in read_all(small.results):
        older = before[row.path(small.out)]
        assert row.scores["psnr_y"] == older.scores["psnr_y"]
        assert set(row.scores) == {*older.scores, "darkness"}
        assert 0 < row.means["darkness"] < 255


def _darkness(*_: object, **__: object) -> ExtraMetrics:
    scorers = {"darkness": lambda inputs: 255 - inputs.outputs.mean((1, 2, 3))}
    sources = {"darkness": {"protocol": "darkness@1"}}
    return ExtraMetrics(scorers, (), sources, None, torch.device("cpu"))


def test_the_embedder_of_a_metric_can_be_chosen(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened: list[tuple[object, ...]] = []

    def watch(_: FaceRef, *rest: object) -> ExtraMetrics:
        opened.append(rest)
        return _darkness()

    monkeypatch.setattr(module, "open_for", watch)
    arguments = ["suite", "debug", "--face-ref", str(tiny_face_ref), "--methods", "bicubic"]
    arguments += ["--metrics", "identity", "--out", str(tmp_path)]
    for more in ([], ["--embedder", "insightface", "--pack", "mine"]):
        CliRunner().invoke(app, [*arguments, *more])
    assert opened == [
        ("identity", "dlib", None, "cpu"),
        ("identity", "insightface", "mine", "cpu"),
    ]


def test_a_metric_that_lacks_its_weights_ends_the_suite_before_it_trains(
    small: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("torchmetrics")
    monkeypatch.setenv("FACEBENCH_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(FaceRefError, match="facebench weights fetch alexnet"):
        carry_on(replace(small, metrics="lpips_alex"), bar)
    assert not (small.out / "runs").exists()


def test_results_of_another_set_are_not_replaced(small: Suite, tmp_path: Path):
    one = replace(small, jobs=small.jobs[:1])
    carry_on(one, bar)
    before = read_all(one.results)
    root = Path(shutil.copytree(one.face_ref.root, tmp_path / "other"))
    store.write_manifest(root, {**one.face_ref.manifest, "seed": 1})
    (failed,) = carry_on(replace(one, face_ref=FaceRef.open(root)), bar).failed.values()
    assert "result of another set" in failed
    assert read_all(one.results) == before


@pytest.mark.parametrize("tune", [False, True])
def test_results_of_another_set_end_a_job_before_it_is_trained(
    small: Suite, monkeypatch: pytest.MonkeyPatch, tune: bool
):
    one = replace(small, jobs=small.jobs[1:2], tune=tune)
    carry_on(replace(one, tune=False), bar)
    (own,) = read_all(one.results)
    shutil.rmtree(small.out / "runs")
    result_files.write(replace(own, data_revision="b" * 64), one.results)
    monkeypatch.setattr(module, "train", None)
    monkeypatch.setattr(module, "tuned", None)
    (failed,) = carry_on(one, bar).failed.values()
    assert re.search("another set .*: bbbbbbbbbbbb, now .* --out, or delete .*json", failed)


def test_a_result_that_was_written_meanwhile_is_not_replaced(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    one = replace(small, jobs=small.jobs[:1])
    real = module.evaluate

    def slow(*rest: object, **named: object):
        found = real(*rest, **named)  # pyright: ignore
        result_files.write(replace(found, data_revision="b" * 64), one.results)
        return found

    monkeypatch.setattr(module, "evaluate", slow)
    (failed,) = carry_on(one, bar).failed.values()
    assert "another set" in failed
    assert [row.data_revision for row in read_all(one.results)] == ["b" * 64]


def test_results_on_other_references_are_made_again(tiny_face_ref: Path, tmp_path: Path):
    jobs = jobs_of(["mean_reference"], range(1), [])
    setting = Setting("folder-x8@1", references=2, faces=2)
    own = Suite(FaceRef.open(tiny_face_ref), BUDGET, tmp_path / "out", jobs, setting)
    carry_on(own, bar)
    assert status(own, jobs[0]).done
    other = replace(own, face_ref=with_turned_lists(tiny_face_ref, tmp_path / "other"))
    assert status(other, jobs[0]).results == 0
    before = {row.path(tmp_path): row.references_sha256 for row in read_all(own.results)}
    assert not carry_on(other, bar).failed
    assert status(other, jobs[0]).done
    after = {row.path(tmp_path): row.references_sha256 for row in read_all(own.results)}
    assert before.keys() == after.keys()
    assert all(before[path] != after[path] for path in before)


def test_references_are_scored_from_both_lists_and_without(tiny_face_ref: Path, tmp_path: Path):
    jobs = jobs_of(["ttsr_s"], range(1), [])
    setting = Setting("folder-x8@1", references=2, faces=2)
    one = Suite(FaceRef.open(tiny_face_ref), replace(BUDGET, samples=6), tmp_path, jobs, setting)
    before = status(one, jobs[0])
    assert (before.steps, before.results, before.wanted) == (0, 0, 3)
    carry_on(one, bar)
    assert status(one, jobs[0]).done
    found = {path.stem for path in one.results.rglob("*.json")}
    assert found == {"tiny-refs_hr-k2-s0", "tiny-refs_lr-k2-s0", "tiny-k0-s0"}


def test_time_that_is_up_leaves_a_checkpoint_to_go_on_from(small: Suite):
    hasty = replace(small, running=Running(until=0.0), jobs=small.jobs[1:])
    outcome = carry_on(hasty, bar)
    assert outcome.left == list(small.jobs[1:])
    run = small.run(Job("srcnn", 0))
    assert run.checkpoint.exists()
    assert not run.report.exists()
    assert len(carry_on(small, bar).done) == 3


def test_an_evaluation_that_outlasts_the_time_is_given_up(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    late = replace(small, running=Running(until=time.monotonic() + 3600), jobs=small.jobs[:1])
    real = module.evaluate

    def slow(*rest: object, progress: Progress, **named: object):
        def wait(done: int, whole: int, state: str) -> None:
            monkeypatch.setattr(time, "monotonic", lambda: 1e12)
            progress(done - 1, whole, state)

        return real(*rest, progress=wait, **named)  # pyright: ignore

    monkeypatch.setattr(module, "evaluate", slow)
    assert carry_on(late, bar).left == [Job("bicubic", 0)]
    assert not list(small.results.rglob("*.json"))


def test_budgets_of_one_folder_have_trainings_of_their_own(small: Suite):
    jobs = [Job("srcnn", 0)]
    carry_on(replace(small, jobs=jobs), bar)
    other = replace(small, jobs=jobs, budget=replace(BUDGET, name="tinier", samples=6))
    assert not status(other, jobs[0]).done
    carry_on(other, bar)
    found = {row.budget: row.training for row in read_all(small.results)}
    assert {name: (training or {})["steps"] for name, training in found.items()} == {
        "tiny": 2,
        "tinier": 1,
    }


def test_on_a_pack_without_test_methods_are_trained_and_the_whole_set_scores_them(
    small: Suite, tmp_path: Path
):
    write_archive(small.face_ref.root, tmp_path / "set.tar", megabytes=5)
    with tarfile.open(tmp_path / "set.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    away = replace(small, face_ref=FaceRef.open(tmp_path / "face_ref"))
    assert [status(away, job).done for job in away.jobs] == [True, False, False]
    outcome = carry_on(away, bar)
    assert (len(outcome.done), outcome.failed) == (3, {})
    assert all(status(away, job).done for job in away.jobs)
    assert not small.results.exists()
    assert len(carry_on(small, bar).done) == 3
    assert {row.method for row in read_all(small.results)} == {"bicubic", "srcnn"}


def test_images_find_the_trainings_of_a_suite(tmp_path: Path):
    for folder in ("edsr-s0", "edsr-s1", "srcnn", "srcnn-s0"):
        (tmp_path / folder).mkdir()
    found = trainings([], tmp_path)
    assert found["edsr"] == tmp_path / "edsr-s0"
    assert found["srcnn"] == tmp_path / "srcnn"
    assert "msrnet" not in found
    assert trainings(["msrnet"], tmp_path) == {"msrnet": tmp_path / "msrnet"}


def test_faces_are_drawn_by_the_trainings_that_results_are_of(
    small: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    carry_on(replace(small, jobs=small.jobs[:2]), bar)
    runs = small.run(small.jobs[1]).root.parent
    drawn = trainings_of(small.results, [], runs)
    assert drawn["srcnn"] == runs / "srcnn-s0"
    assert not capsys.readouterr().err.count("drawn without")
    other = replace(BUDGET, learning_rate=5e-4)
    train(small.face_ref, "srcnn", other, tmp_path / "others" / "srcnn")
    for folder in ("others", "none"):
        drawn = trainings_of(small.results, [], tmp_path / folder)
        assert "srcnn" not in drawn
        assert drawn["bicubic"] is None
        assert "Faces are drawn without srcnn" in capsys.readouterr().err
    with pytest.raises(FaceRefError, match="a training of srcnn that no result"):
        trainings_of(small.results, ["srcnn"], tmp_path / "others")


def test_a_job_that_fails_does_not_stop_the_others(small: Suite, monkeypatch: pytest.MonkeyPatch):
    real = module.train

    def fail(face_ref: FaceRef, method: str, *rest: object, seed: int, **named: object):
        if seed == 0:
            raise FaceRefError("The loss is nan at step 3.")
        return real(face_ref, method, *rest, seed=seed, **named)  # pyright: ignore

    monkeypatch.setattr(module, "train", fail)
    outcome = carry_on(small, bar)
    assert outcome.failed == {Job("srcnn", 0): "The loss is nan at step 3."}
    assert outcome.done == [Job("bicubic", 0), Job("srcnn", 1)]


def test_a_method_that_fails_in_its_own_way_ends_one_job_alone(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_rest: object, **_named: object):
        raise RuntimeError("sizes do not fit")

    monkeypatch.setattr(module, "train", fail)
    outcome = carry_on(small, bar)
    assert outcome.failed == dict.fromkeys(small.jobs[1:], "RuntimeError: sizes do not fit")
    assert outcome.done == [Job("bicubic", 0)]


def test_a_gpu_whose_memory_is_full_ends_one_job_alone(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_rest: object, **_named: object):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr(module, "train", fail)
    outcome = carry_on(small, bar)
    vectors = (
        "CUDA out of memory. Tried to allocate 2 GiB. Free memory of the GPU; the same command "
    )
    assert outcome.failed == dict.fromkeys(small.jobs[1:], f"{vectors}goes on.")
    assert outcome.done == [Job("bicubic", 0)]


def test_a_finished_training_of_other_settings_is_not_taken_for_the_wanted_one(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    job = Job("srcnn", 0)
    one = replace(small, jobs=[job])
    carry_on(one, bar)
    lower = replace(one, budget=replace(BUDGET, learning_rate=RATES[0]))
    stale = status(lower, job)
    assert not stale.done
    assert "another learning rate of its budget: 0.001, now 0.0002" in stale.stale
    monkeypatch.setattr(module, "train", None)
    assert carry_on(lower, bar).failed == {job: stale.stale}
    report = one.run(job).training()
    write_json(one.run(job).report, report | {"data_revision": "0" * 64})
    assert "other data" in status(one, job).stale
    write_json(one.run(job).report, report | {"reference_list": "random"})
    assert "another reference list: 'random'" in status(one, job).stale


def test_a_finished_training_is_of_the_rate_that_val_chose(
    small: Suite, monkeypatch: pytest.MonkeyPatch
):
    job = Job("srcnn", 0)
    one = replace(small, jobs=[job], budget=replace(BUDGET, learning_rate=RATES[0]))
    carry_on(one, bar)
    assert status(one, job).done
    tuning = replace(one, tune=True)
    assert "still to be chosen" in status(tuning, job).stale
    tuning.tuning.mkdir(parents=True)
    for best, done in ((RATES[0], True), (RATES[1], False)):
        found = {f"{rate:g}": 20.0 + (rate == best) for rate in RATES}
        write_json(tuning.tuning / "srcnn.json", {"val_psnr_y": found})
        assert status(tuning, job).done is done
    monkeypatch.setattr(module, "train", None)
    (error,) = carry_on(tuning, bar).failed.values()
    assert "another learning rate of its budget: 0.0002, now 0.0004" in error


def test_scores_of_other_weights_faces_or_a_damaged_file_are_made_again(small: Suite):
    job = Job("srcnn", 0)
    one = replace(small, jobs=[job])
    carry_on(one, bar)
    fewer = replace(one, setting=replace(one.setting, faces=2))
    assert not status(fewer, job).done
    carry_on(fewer, bar)
    assert [row.images for row in read_all(one.results)] == [2]

    report = one.run(job).training()
    (path,) = one.results.rglob("*.json")
    carry_on(one, bar)
    write_json(one.run(job).report, report | {"weights_sha256": "0" * 64})
    found = status(one, job)
    assert (found.results, found.wanted, found.done) == (0, 1, False)

    write_json(one.run(job).report, report)
    path.write_text("{", encoding="utf-8")
    assert not status(one, job).done
    assert not carry_on(one, bar).failed
    assert status(one, job).done


def test_in_the_background_it_goes_on_and_says_at_once_what_fails(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    arguments = ["suite", "debug", "--face-ref", str(tiny_face_ref), "--out", str(out)]
    arguments += ["--methods", "bicubic", "--task", "folder-x8@1", "--background"]
    monkeypatch.setattr(background, "AT_ONCE_SECONDS", 60.0)
    done = _in_the_background(arguments, monkeypatch)
    assert done.exit_code == 0, done.output
    assert "facebench leaderboard" in done.output
    assert "1 of 1 jobs are done" in (out / "log.txt").read_text()
    assert len(read_all(out / "results")) == 1

    monkeypatch.setenv("FACEBENCH_WEIGHTS", str(tmp_path / "none"))
    refused = _in_the_background([*arguments, "--metrics", "lpips_alex"], monkeypatch)
    assert refused.exit_code == 1
    assert "ended at once" in refused.output
    assert "facebench weights fetch alexnet" in " ".join(refused.output.split())
    assert "facebench leaderboard" not in refused.output

    monkeypatch.setattr(background, "AT_ONCE_SECONDS", 0.0)
    works = _in_the_background(arguments, monkeypatch)
    assert works.exit_code == 0, works.output
    stop = re.search(r"kill (\d+)", " ".join(works.output.split()))
    assert stop
    os.kill(int(stop[1]), signal.SIGKILL)


def _in_the_background(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr("sys.argv", ["facebench", *arguments])
    return CliRunner().invoke(app, arguments)


def test_a_job_of_another_process_is_passed_over(small: Suite):
    folder = small.run(Job("srcnn", 0)).root
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        outcome = carry_on(small, bar)
    assert outcome.left == [Job("srcnn", 0)]
    assert len(carry_on(small, bar).done) == 3


def test_rates_are_chosen_on_val_alone(tiny_face_ref: Path, tmp_path: Path):
    budget = replace(BUDGET, samples=120)
    rate = tuned(FaceRef.open(tiny_face_ref), "srcnn", budget, tmp_path, Running())
    runs = {f"{known:g}": tmp_path / f"srcnn-{known:g}" for known in RATES}
    saved = {
        name: torch.load(folder / "checkpoint.pt", weights_only=True)["state"]["best_psnr"]
        for name, folder in runs.items()
    }
    assert f"{rate:g}" == max(saved, key=lambda name: saved[name])
    (tmp_path / "srcnn.json").write_text(
        '{"val_psnr_y": {"0.0016": 3, "0.0002": 9, "0.0004": 9, "0.0008": 1}}'
    )
    assert tuned(FaceRef.open(tiny_face_ref), "srcnn", budget, tmp_path, Running()) == 2e-4


def test_a_rate_at_which_a_training_diverges_is_not_chosen(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def diverge(face_ref: FaceRef, method: str, budget: Budget, *_: object, **__: object):
        if budget.learning_rate == max(RATES):
            raise DivergedError("The loss is nan at step 3.")
        return {"val_psnr_y": 20 + budget.learning_rate}

    monkeypatch.setattr(tuning, "train", diverge)
    faces = FaceRef.open(tiny_face_ref)
    assert tuned(faces, "srcnn", BUDGET, tmp_path, Running()) == sorted(RATES)[-2]
    monkeypatch.setattr(tuning, "train", None)  # No rate is tried once more.
    assert tuned(faces, "srcnn", BUDGET, tmp_path, Running()) == sorted(RATES)[-2]


def test_rates_tried_on_other_data_or_for_other_budgets_are_not_taken(small: Suite, tmp_path: Path):
    rates = {"val_psnr_y": {f"{rate:g}": 20.0 for rate in RATES}}
    short = BUDGET.batch_size
    own = {"data_revision": small.data.revision, "samples": short, "scale": 8, **rates}
    file, tuning = small.tuning / "srcnn.json", replace(small, tune=True)
    file.parent.mkdir(parents=True)
    write_json(file, own)
    assert chosen(small.tuning, "srcnn", BUDGET, small.data) == RATES[0]
    archive = Data("e" * 64, small.data.revision)
    assert chosen(small.tuning, "srcnn", BUDGET, archive) == RATES[0]
    carry_on(replace(small, jobs=small.jobs[1:2]), bar)
    for change, said in (
        ({"data_revision": "b" * 64}, f"data bbbbbbbbbbbb, now {small.data.revision[:12]}"),
        ({"samples": short + 1}, f"samples {short + 1}, now {short}"),
        ({"scale": 4}, "scale 4, now 8"),
    ):
        write_json(file, own | change)
        runs = "srcnn-0.0002, srcnn-0.0004, srcnn-0.0008, srcnn-0.0016[.]$"
        with pytest.raises(FaceRefError, match=f"{said}.*delete that file .* beside it: {runs}"):
            tuned(small.face_ref, "srcnn", BUDGET, small.tuning, Running())
        assert said in status(tuning, Job("srcnn", 0)).stale


def test_what_rates_were_tried_on_is_kept(tiny_face_ref: Path, tmp_path: Path):
    tuned(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path, Running())
    found = json.loads((tmp_path / "srcnn.json").read_text())
    assert found["data_revision"] == data_revision(FaceRef.open(tiny_face_ref))
    assert (found["samples"], found["scale"]) == (BUDGET.batch_size, 8)


def test_rates_that_joined_the_set_later_are_tried(tiny_face_ref: Path, tmp_path: Path):
    """The file of a smaller set of rates."""
    (tmp_path / "srcnn.json").write_text(
        '{"val_psnr_y": {"0.0001": 1, "0.0002": 1, "0.0004": 1, "0.0008": 1}}'
    )
    assert tuned(FaceRef.open(tiny_face_ref), "srcnn", BUDGET, tmp_path, Running()) == 1.6e-3
    assert [path.name for path in tmp_path.glob("srcnn-*")] == ["srcnn-0.0016"]


def test_the_chosen_rate_is_trained_with(small: Suite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "tuned", lambda *rest: 8e-4)
    carry_on(replace(small, tune=True), bar)
    assert small.run(Job("srcnn", 1)).training()["budget"]["learning_rate"] == 8e-4


def test_a_rate_is_one_of_the_set_for_all(tiny_face_ref: Path, tmp_path: Path):
    assert at_rate(BUDGETS["small"], 8e-4) == replace(BUDGETS["small"], learning_rate=8e-4)
    arguments = ["train", str(tiny_face_ref), "-m", "srcnn", "--out", str(tmp_path)]
    ran = CliRunner().invoke(app, [*arguments, "--learning-rate", "0.0007"])
    assert ran.exit_code == 1
    assert "0.0002, 0.0004, 0.0008, 0.0016" in " ".join(ran.output.split())


def test_the_command_says_what_is_left(tiny_face_ref: Path, tmp_path: Path):
    arguments = ["suite", "debug", "--face-ref", str(tiny_face_ref), "--out", str(tmp_path)]
    arguments += ["--methods", "bicubic,srcnn", "--task", "folder-x8@1"]
    before = CliRunner().invoke(app, [*arguments, "--status"])
    assert before.exit_code == 0, before.output
    assert "0 of 2 jobs are done" in before.output
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.output
    assert "2 of 2 jobs are done" in ran.output
    after = CliRunner().invoke(app, [*arguments, "--status"])
    assert "2 of 2 jobs are done" in after.output
    assert load_method("srcnn").name in after.output


def test_a_damaged_report_fails_its_job_alone(small: Suite):
    report = small.run(Job("srcnn", 0)).report
    report.parent.mkdir(parents=True)
    report.write_text("{")
    assert "cut off" in status(small, Job("srcnn", 0)).stale
    outcome = carry_on(small, bar)
    assert [job.name for job in outcome.failed] == ["srcnn-s0"]
    assert [job.name for job in outcome.done] == ["bicubic-s0", "srcnn-s1"]
    assert report.read_text() == "{"


def test_a_damaged_checkpoint_fails_its_job_alone(small: Suite):
    checkpoint = small.run(Job("srcnn", 0)).checkpoint
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"PK")
    assert str(checkpoint) in status(small, Job("srcnn", 0)).stale
    outcome = carry_on(small, bar)
    assert [job.name for job in outcome.failed] == ["srcnn-s0"]
    assert [job.name for job in outcome.done] == ["bicubic-s0", "srcnn-s1"]


def test_too_few_references_are_said_before_anything_is_trained(small: Suite):
    wide = replace(small, setting=replace(small.setting, references=9, reference_list="refs_hr"))
    with pytest.raises(FaceRefError, match="9 references"):
        carry_on(replace(wide, jobs=[Job("msrnet", 0)]), bar)
