"""The whole way on real photographs: LFW, with a small insightface pack."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmark.cli.app import app as facebench
from benchmark.results import files as result_files
from benchmark.results.result import label
from faceref.cli.app import app as faceref
from faceref.dataset.face_ref import FaceRef
from faceref.embed.registry import open_embedder

pytestmark = pytest.mark.real
EVERY = 3
"""One person in so many: a build of all of LFW takes minutes, so no test makes one."""
MISLABELLED = ("Ricky_Ray", "Bart_Hendricks")
"""Two labels of LFW, one person."""


def _run(app: object, *arguments: object) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))  # pyright: ignore
    assert result.exit_code == 0, result.output
    return result.output


def _build(faces: Path, pack: Path, out: Path) -> FaceRef:
    _run(faceref, "build", "--source", "folder", faces, "--pack", pack, "--out", out)
    return FaceRef.open(out)


@pytest.fixture(scope="module")
def pack(real_data: Path) -> Path:
    return real_data / "models" / "arcface_small"


@pytest.fixture(scope="module")
def photographs(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All photographs of every third person of LFW, and of two labels of one person."""
    root = tmp_path_factory.mktemp("photographs")
    people = sorted((real_data / "data" / "lfw-deepfunneled").iterdir())
    mislabelled = [person for person in people if person.name in MISLABELLED]
    for person in sorted({*people[::EVERY], *mislabelled}):
        shutil.copytree(person, root / person.name)
    return root


@pytest.fixture(scope="module")
def lfw(photographs: Path, pack: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceRef:
    """Face_Ref of `photographs`."""
    return _build(photographs, pack, tmp_path_factory.mktemp("lfw") / "face_ref")


@pytest.fixture(scope="module")
def some_people(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 people of LFW, with an image that is none, one without a face, and an empty file."""
    root = tmp_path_factory.mktemp("people")
    people = sorted((real_data / "data" / "lfw-deepfunneled").iterdir())[::45][:120]
    for person in people:
        shutil.copytree(person, root / person.name)
    (root / people[0].name / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (root / people[1].name / "empty.jpg").touch()
    noise = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
    Image.fromarray(noise).save(root / people[2].name / "noise.png")
    return root


def test_every_photograph_is_accounted_for(lfw: FaceRef, photographs: Path):
    images = len(list(photographs.glob("*/*.jpg")))
    assert images > 4000
    kept = sum(lfw.count(split) for split in ("train", "val", "test"))
    rejects = lfw.rejects()
    assert kept + len(rejects) == images
    # As a folder, nothing says that the subject is at the centre, as the source `lfw` does.
    several = [row for row in rejects if row["reason"] == "several faces"]
    assert kept + len(several) > 0.999 * images
    assert len(several) < 0.01 * images
    assert all(row["reason"] for row in rejects)
    assert lfw.count("test") >= 1000 / EVERY


def test_people_do_not_cross_splits_and_references_are_others(lfw: FaceRef):
    people = {name: set(lfw.column(name, "identity")) for name in ("train", "val", "test")}
    assert not people["train"] & people["val"]
    assert not people["train"] & people["test"]
    assert not people["val"] & people["test"]
    train = set(lfw.column("train", "image_id"))
    for split in people:
        for row in lfw.table(split, ["image_id", "identity", "refs_hr", "refs_lr"]).to_pylist():
            for name in ("refs_hr", "refs_lr"):
                ids = {item["image_id"] for item in row[name]}
                assert len(ids) == 8
                assert ids <= train - {row["image_id"]}
                assert row["identity"] not in {image_id.split("/")[0] for image_id in ids}


def test_references_are_much_more_alike_than_strangers(lfw: FaceRef):
    assert lfw.manifest["similarity"]["refs_hr"]["0.5"] > 0.3
    assert abs(lfw.manifest["mining"]["random_similarity"]["mean"]) < 0.05


def test_known_label_errors_are_no_references(lfw: FaceRef):
    # Mining without an upper bound puts them first.
    rows = lfw.table("train", ["identity", "refs_hr"]).to_pylist()
    both = [row for row in rows if row["identity"] in MISLABELLED]
    assert len(both) == len(MISLABELLED)
    for row in both:
        found = {item["image_id"].split("/")[0] for item in row["refs_hr"]}
        assert not found & set(MISLABELLED)


def test_aligned_faces_are_upright_and_in_place(lfw: FaceRef, pack: Path):
    embedder = open_embedder("insightface", pack=str(pack), det_size=128)
    errors = []
    for image in lfw.images("val")[:: 40 // EVERY]:
        for face in embedder.detect(image)[:1]:
            errors.append(np.abs(face.landmarks - embedder.scheme.template).mean())
    assert len(errors) >= 15
    assert np.median(errors) < 4


def test_two_builds_are_equal_and_bad_files_are_counted(
    some_people: Path, pack: Path, tmp_path: Path
):
    first, second = (_build(some_people, pack, tmp_path / name) for name in ("one", "two"))
    for path in sorted(first.root.rglob("*")):
        if path.is_file():
            other = second.root / path.relative_to(first.root)
            assert path.read_bytes() == other.read_bytes(), path.name
    reasons = {row["image_id"].split("/")[1]: row["reason"] for row in first.rejects()}
    assert reasons == {
        **{"broken": "unreadable", "empty": "unreadable", "noise": "no face"},
        "Pamela_Melroy_0001": "several faces",  # the only image of its label, with two alike
    }


def test_the_benchmark_runs_on_lfw(lfw: FaceRef, tmp_path: Path):
    methods = "bicubic,nearest_reference,srcnn,edsr,msrnet"
    few = ["--task", "lfw-x8@1", "--limit", "24"]
    _run(facebench, "suite", "debug", "--face-ref", lfw.root, "--methods", methods, *few,
         "--out", tmp_path)  # fmt: skip
    page = _run(facebench, "site", tmp_path / "results", "--out", tmp_path / "site")
    assert "index.html" in page
    found = {label(row): row for row in result_files.read_all(tmp_path / "results")}
    assert len(found) == 8
    assert 23 < found["Bicubic"].means["psnr_y"] < 28
    assert found["Nearest reference (K=1, refs_lr)"].means["psnr_y"] < 20
    _run(facebench, "evaluate", lfw.root, "--method", "nearest_reference", *few,
         "--oracle", "--results", tmp_path / "oracle")  # fmt: skip
    assert result_files.read_all(tmp_path / "oracle")[0].means["psnr_y"] == 100
