"""The reference study: its faces, its kinds of references, its numbers and its page."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import benchmark
from benchmark.cli.app import app
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from benchmark.memory import fit, regression
from benchmark.protocol.budgets import budget
from benchmark.results.result import person_numbers
from benchmark.studies import references as study_module
from benchmark.studies import study as study_file
from benchmark.studies.references import (
    _key,
    _other_lists,
    _people,
    band_errors,
    parse_counts,
    prepare,
    region_errors,
    study_references,
)
from benchmark.studies.references_page import markdown, write_findings
from benchmark.studies.study import Cell, Study, StudyCheckpoint, gain
from benchmark.training.export import export_weights
from benchmark.training.train import train
from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError

RELEASES = Path(__file__).resolve().parents[3] / "weights" / "lfw-x8-small"
SHORT = replace(budget("debug"), samples=4, batch_size=4, validations=1, validation_faces=1)


def test_bands_add_up_to_the_squared_error():
    errors = np.random.default_rng(0).normal(0, 5, (3, 128, 128))
    assert sum(band_errors(errors)) == pytest.approx((errors**2).mean(), rel=1e-5)


def test_a_wave_is_in_its_band():
    wave = np.sin(2 * np.pi * 12 * np.arange(128) / 128)
    found = band_errors(np.broadcast_to(wave, (1, 128, 128)))
    assert found == pytest.approx([0, 0.5, 0, 0], abs=1e-4)


def test_regions_see_their_own_pixels():
    errors = np.zeros((2, 128, 128))
    errors[:, 84:106, 42:86] = 3
    found = region_errors(errors)
    assert found["mouth"] == 9
    assert found["eyes"] == found["elsewhere"] == 0
    assert 0 < found["face"] < 9


@pytest.mark.parametrize("text", ["", "0", "1,x", "-2"])
def test_counts_that_make_no_sense(text: str):
    with pytest.raises(FaceRefError, match="--counts"):
        parse_counts(text)
    assert parse_counts("5, 1,1") == [1, 5]


def _with_likeness(face_ref: Path, out: Path, hr: str, lr: str) -> FaceRef:
    """A copy of a Face_Ref whose manifest says by what its lists were made."""
    shutil.copytree(face_ref, out)
    manifest = json.loads((out / "face_ref.json").read_text())
    manifest["mining"] = {"likeness": {"refs_hr": hr, "refs_lr": lr}}
    (out / "face_ref.json").write_text(json.dumps(manifest))
    return FaceRef.open(out)


def test_lists_of_other_builds_are_studied_where_their_likeness_differs(
    tiny_face_ref: Path, tmp_path: Path
):
    own = _with_likeness(tiny_face_ref, tmp_path / "own", "identity", "appearance")
    other = _with_likeness(tiny_face_ref, tmp_path / "other", "both", "appearance")
    opened = FaceRef.open(own.root)
    faces, kinds = prepare(opened, "test", None, 2)
    found = _other_lists(opened, [other], "test", faces)
    assert list(found) == ["refs_hr_both"]
    assert found["refs_hr_both"] == kinds["refs_hr"]
    few = replace(faces, image_ids=["moon", *faces.image_ids[1:]])
    with pytest.raises(FaceRefError, match="other faces or another split"):
        _other_lists(opened, [other], "test", few)


def test_each_kind_gives_the_references_it_names(tiny_face_ref: Path):
    opened = FaceRef.open(tiny_face_ref)
    faces, kinds = prepare(opened, "test", None, 8)
    people = opened.column("test", "identity")
    labels = opened.column("train", "identity") + people
    assert len(faces) == 6
    for row, image_id in enumerate(faces.image_ids):
        person = people[opened.column("test", "image_id").index(image_id)]
        (other,) = kinds["same"][row]
        assert labels[other] == person
        assert not np.array_equal(faces.pool.images[other], faces.hr[row])
        for name in ("random", "refs_lr", "refs_hr"):
            assert max(kinds[name][row]) < len(opened.pool.images)
            assert person not in {labels[place] for place in kinds[name][row]}
        assert len(set(kinds["random"][row])) == 8


def test_a_copy_of_the_face_is_no_other_photograph_of_the_person(
    tiny_face_ref: Path, tmp_path: Path
):
    root = Path(shutil.copytree(tiny_face_ref, tmp_path / "set"))
    whole = prepare(FaceRef.open(root), "test", None, 1)[0].image_ids
    pair = {"image_id": whole[0], "duplicate_of": whole[1], "kind": "hash"}
    store.write_findings(root, [pair], [])
    faces, kinds = prepare(FaceRef.open(root), "test", None, 1)
    assert faces.image_ids == whole[2:]
    assert all(len(rows) == 1 for rows in kinds["same"])


@pytest.fixture(scope="module")
def run(tiny_face_ref: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(FaceRef.open(tiny_face_ref), "msrnet", SHORT, folder)
    return folder


@pytest.fixture(scope="module")
def study(tiny_face_ref: Path, run: Path) -> Study:
    return study_references(FaceRef.open(tiny_face_ref), run, counts=(1, 2), faces=3)


def test_an_interrupted_study_goes_on_to_the_same_numbers(
    tiny_face_ref: Path,
    run: Path,
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    def interrupt(stop: float, done: int, whole: int, _state: str) -> None:
        if done > whole * stop:
            raise KeyboardInterrupt

    kept = []
    for stop in (0.4, 0.9):
        with pytest.raises(KeyboardInterrupt):
            study_references(
                FaceRef.open(tiny_face_ref),
                run,
                counts=(1, 2),
                faces=3,
                progress=partial(interrupt, stop),
                checkpoint=StudyCheckpoint(tmp_path),
            )
        kept.append(len(list(tmp_path.rglob("*.json"))))
    assert 0 < kept[0] < kept[1]
    checkpoint = StudyCheckpoint(tmp_path)
    # The second stop was behind the last cell.
    monkeypatch.setattr(study_module, "_measure", _never)
    again = study_references(
        FaceRef.open(tiny_face_ref), run, counts=(1, 2), faces=3, checkpoint=checkpoint
    )
    assert again == study
    checkpoint.forget()
    assert list(tmp_path.iterdir()) == []


def _never(*_: object) -> list[Cell]:
    raise AssertionError("measured again")


def test_pieces_are_of_one_training_on_one_device_with_the_same_references():
    kinds = {"refs_lr": [[1, 2]]}
    keys = {
        _key("w", "t", "cpu", ["a"], kinds),
        _key("v", "t", "cpu", ["a"], kinds),
        _key("w", "u", "cpu", ["a"], kinds),
        _key("w", "t", "cuda", ["a"], kinds),
        _key("w", "t", "cpu", ["b"], kinds),
        _key("w", "t", "cpu", ["a"], {"refs_lr": [[2, 1]]}),
    }
    assert len(keys) == 6
    assert _key("w", "t", "cpu", ["a"], dict(kinds)) in keys


def test_pieces_of_another_study_are_not_taken(tmp_path: Path):
    cell = Cell("none", 0, [20.0], [0.5], [], {})
    for key in ("1" * 64, "2" * 64):
        checkpoint = StudyCheckpoint(tmp_path)
        checkpoint.begin(key)
        made = replace(cell, psnr_y=[float(key[0])])
        assert checkpoint.get("none-0", Cell, lambda made=made: [made]) == [made]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_target_is_the_best_reference(study: Study):
    target = gain(study, study.cell("target", 1)).mean
    others = [gain(study, cell).mean for cell in study.cells if cell.kind not in ("none", "target")]
    assert target > max(others) + 0.01
    assert [(cell.kind, cell.references) for cell in study.cells[:3]] == [
        ("none", 0),
        ("random", 1),
        ("random", 2),
    ]
    for cell in study.cells:
        assert len(cell.psnr_y) == study.images == 3


def test_the_page_follows_from_the_file(study: Study, tmp_path: Path):
    file = tmp_path / "study.json"
    study_file.write(study, file)
    assert study_file.read(file) == study
    page, *plots = write_findings(file, tmp_path / "out")
    text = page.read_text()
    assert text == markdown(study, plots, tmp_path / "out")
    assert "the same person" in text
    assert "chosen by the HR face, K = 2" in text
    assert [plot.stem.rpartition("-")[2] for plot in plots] == ["references", "bands", "patches"]
    assert all(plot.stat().st_size > 5000 for plot in plots)


def test_val_has_a_file_of_its_own(study: Study):
    assert replace(study, split="val").name == f"{study.name}-val"


def test_a_file_from_before_patches_is_drawn_without_them(study: Study, tmp_path: Path):
    file = tmp_path / "study.json"
    study_file.write(study, file)
    content = json.loads(file.read_text())
    assert {one["kind"] for one in content.pop("patches")} >= {"random", "refs_lr", "same"}
    file.write_text(json.dumps(content))
    page, *plots = write_findings(file, tmp_path / "out")
    assert len(plots) == 2
    assert "without a network" not in page.read_text()


def test_gain_is_paired():
    base = Cell("none", 0, [20.0, 30.0, 40.0], [0.5] * 3, [], {})
    better = Cell("random", 1, [21.0, 31.0, 41.0], [0.5] * 3, [], {})
    study = Study("t", "m", "M", "b", 0, "test", "", 3, "", "", "", {}, [base, better])
    found = gain(study, better)
    assert (found.mean, found.low, found.high) == pytest.approx((1, 1, 1))


def test_intervals_are_over_people():
    base = Cell("none", 0, [20.0] * 4, [0.5] * 4, [], {})
    better = Cell("random", 1, [20.0, 20.0, 21.0, 21.0], [0.5] * 4, [], {})
    study = Study("t", "m", "M", "b", 0, "test", "", 4, "", "", "", {}, [base, better])
    by_face = gain(study, better)
    by_person = gain(replace(study, people=[0, 0, 1, 1]), better)
    assert by_person.mean == by_face.mean == 0.5
    assert by_person.p > by_face.p


def test_people_are_kept_only_where_image_ids_name_them(tiny_face_ref: Path):
    faces = prepare(FaceRef.open(tiny_face_ref), "test", None, 1)[0]
    kept = _people(faces)
    assert kept == person_numbers(faces.image_ids).tolist()
    assert len(set(kept)) < len(kept)
    nameless = replace(faces, image_ids=[f"{row:06d}.jpg" for row in range(len(faces))])
    assert _people(nameless) == []


def test_a_damaged_file_is_named(tmp_path: Path):
    path = tmp_path / "study.json"
    path.write_text('{"format": 1}')
    with pytest.raises(FaceRefError, match=r"study\.json"):
        study_file.read(path)


def test_methods_without_references_have_nothing_to_study(tiny_face_ref: Path):
    with pytest.raises(FaceRefError, match="'sparnet_s', which has no use of references"):
        study_references(FaceRef.open(tiny_face_ref), RELEASES / "sparnet_s.safetensors")


def test_an_adapted_file_is_not_studied_as_the_network_that_was_trained(
    tiny_face_ref: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(regression, "PENALTIES", (0.1,))
    monkeypatch.setattr(fit, "FOLDS", 2)
    export_weights(run, tmp_path / "plain.safetensors")
    adapted = tmp_path / "adapted.safetensors"
    model = benchmark.load_model(tmp_path / "plain.safetensors")
    benchmark.adapt(model, tiny_face_ref, out=adapted)
    with pytest.raises(FaceRefError, match=r"adapted\.safetensors is adapted to a pool"):
        study_references(FaceRef.open(tiny_face_ref), adapted)


def test_one_command_studies_several_trainings_and_draws_them_again(
    tiny_face_ref: Path, run: Path, tmp_path: Path
):
    other = tmp_path / "on_random"
    train(FaceRef.open(tiny_face_ref), "ttsr_s", SHORT, other, reference_list="random")
    wrong = ["--run", str(RELEASES / "sparnet_s.safetensors")]
    command = ["study", "references", str(tiny_face_ref), "--counts", "1", "--limit", "2"]
    command += ["--run", str(run), "--run", str(other), "--out", str(tmp_path)]
    refused = CliRunner().invoke(app, [*command, *wrong])
    assert refused.exit_code == 1
    assert not (tmp_path / "studies").exists()
    twice = CliRunner().invoke(app, [*command, "--run", str(run)])
    assert "one page would replace the other" in " ".join(twice.output.split())
    made = CliRunner().invoke(app, command)
    assert made.exit_code == 0, made.output
    files = sorted((tmp_path / "studies").glob("*.json"))
    assert [file.stem.partition("-debug")[2] for file in files] == [
        "-s0-references",
        "-on-random-s0-references",
    ]
    pages = {page: page.read_text() for page in tmp_path.glob("*.md")}
    assert len(pages) == 2
    for page in pages:
        page.unlink()
    again = [word for file in files for word in ("--file", str(file))]
    drawn = CliRunner().invoke(app, ["study", "references", *again, "--out", str(tmp_path)])
    assert drawn.exit_code == 0, drawn.output
    assert {page: page.read_text() for page in tmp_path.glob("*.md")} == pages


def test_faces_are_made_small_as_the_task_says(tiny_face_ref: Path):
    opened = FaceRef.open(tiny_face_ref)
    clean, kinds = prepare(opened, "test", None, 2)
    worn, found = prepare(opened, "test", None, 2, "realistic")
    assert (clean.hr == worn.hr).all()
    assert (clean.lr != worn.lr).any()
    assert kinds["refs_hr"] == found["refs_hr"]
    setting = Setting("lfw-x8-real@1", reference_list="refs_lr")
    seen = dict(
        zip(
            opened.column("test", "image_id"),
            read_faces(opened, setting, 2).references,
            strict=True,
        )
    )
    assert found["refs_lr"] == [seen[image_id] for image_id in worn.image_ids]


def test_lists_of_clean_faces_are_not_studied_where_the_task_shows_less(
    tiny_face_ref: Path, run: Path
):
    opened = FaceRef.open(tiny_face_ref)
    with pytest.raises(FaceRefError, match=r"lfw-x8-real@1: .*Leave --also or --task out"):
        study_references(opened, run, task_name="lfw-x8-real@1", also=[opened])


def test_other_scales_are_not_studied(tiny_build: Path):
    weights = RELEASES / "msrnet.safetensors"
    with pytest.raises(FaceRefError, match=r"lfw-x4@1 is of x4: references are studied at x8"):
        study_references(FaceRef.open(tiny_build), weights, task_name="lfw-x4@1")
