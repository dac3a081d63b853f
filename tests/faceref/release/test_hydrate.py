import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from faceref.audit.leaks import audit
from faceref.cli.app import app
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.record import Record
from faceref.release.format import INDEX
from faceref.release.hydrate import IncompleteError, hydrate, make_png
from faceref.release.index import Index
from faceref.release.make import Wish, make_release
from faceref.release.policy import stated
from faceref.release.remove import remove
from faceref.release.verify import verify
from faceref.sources.base import Choices, Source
from faceref.sources.celeba import celeba
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.faceref.layouts import faces, write_celeba

TERMS = stated("cc-by-4.0", None)
RECIPE = Recipe(Mining(references=4, same_person=True), split=SplitRule(0.2, 0.2))


def _files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _index(root: Path, out: Path) -> Path:
    licence = None if FaceRef.open(root).manifest["source"] == "celeba" else TERMS
    make_release(root, out, Wish("me/set", INDEX, licence))
    return out


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("people")
    write_people(root / "people")
    Image.new("RGB", (128, 128)).save(root / "people" / "person_00" / "black.png")
    build(folder(root / "people"), PlainEmbedder(), root / "set", RECIPE)
    _index(root / "set", root / "index")
    return root


def test_a_folder_comes_back_to_the_byte(people: Path, tmp_path: Path):
    done = hydrate(people / "index", folder(people / "people"), tmp_path / "out")
    assert _files(tmp_path / "out") == _files(people / "set")
    assert (done.differing, done.absent) == ([], [])
    assert done.files == len(_files(people / "set"))
    assert not list(audit(FaceRef.open(tmp_path / "out"), PlainEmbedder()))


@pytest.fixture
def celeba_index(tmp_path: Path) -> tuple[Path, Source]:
    """The index of the set `tmp_path / "set"`, and its source."""
    given = [replace(face, identity=face.identity + 9000) for face in faces(people=16)]
    published = write_celeba(tmp_path / "celeba", given)
    source = celeba(Choices(tmp_path / "celeba"), published)
    build(source, PlainEmbedder(), tmp_path / "set", replace(RECIPE, mining=Mining(references=8)))
    return _index(tmp_path / "set", tmp_path / "index"), source


def test_celeba_comes_back_without_the_tables_that_tell_who_is_who(
    celeba_index: tuple[Path, Source], tmp_path: Path
):
    index, source = celeba_index
    text = b"".join(_files(index).values())
    assert b"9000" not in text
    done = hydrate(index, source, tmp_path / "out")
    before, after = _files(tmp_path / "set"), _files(tmp_path / "out")
    assert set(before) - set(after) == {"near_duplicates.parquet", "label_noise.parquet"}
    assert all(before[name] == content for name, content in after.items())
    assert done.absent == ["label_noise.parquet", "near_duplicates.parquet"]
    assert done.comparison.lines() == []
    assert not list(audit(FaceRef.open(tmp_path / "out"), PlainEmbedder()))


@pytest.mark.parametrize("edited", [False, True])
def test_celeba_without_its_labels_is_not_made_of_others(
    celeba_index: tuple[Path, Source], tmp_path: Path, edited: bool
):
    labels = next((tmp_path / "celeba").rglob("identity_CelebA.txt"))
    lines = labels.read_text().splitlines()
    labels.unlink()
    if edited:
        first, second = lines[0].split(), lines[-1].split()
        changed = [f"{first[0]} {second[1]}", *lines[1:]]
        labels.write_text("\n".join([*changed, ""]))
    given = ["hydrate", str(celeba_index[0]), "--source", str(tmp_path / "celeba")]
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "identity_CelebA.txt" in done.output
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_cannot_be_made(celeba_index: tuple[Path, Source], tmp_path: Path):
    given = ["hydrate", str(celeba_index[0]), "--source", str(tmp_path / "celeba")]
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "out")])
    assert "withheld, so it cannot be made again: label_noise.parquet\n" in done.output
    assert "48 faces, 3 files byte for byte as published" in done.output


def test_an_index_from_before_withheld_files_were_named_is_hydrated(
    celeba_index: tuple[Path, Source], tmp_path: Path
):
    index, source = celeba_index
    old = json.loads((index / "face_ref.json").read_text())
    del old["release"]["withheld_files"]
    (index / "face_ref.json").write_text(json.dumps(old))
    assert hydrate(index, source, tmp_path / "out").absent == []


def test_a_part_of_celeba_lacks_what_is_withheld_and_no_more(
    celeba_index: tuple[Path, Source], tmp_path: Path
):
    index, source = celeba_index
    fewer = replace(source, records=source.records[1:])
    done = hydrate(index, fewer, tmp_path / "out", partial=True)
    assert done.absent == ["label_noise.parquet", "near_duplicates.parquet"]


def _spoilt(people: Path, root: Path) -> Source:
    """A copy with one image missing, one altered and one more."""
    shutil.copytree(people / "people", root)
    (root / "person_03" / "1.png").unlink()
    ImageOps.mirror(Image.open(root / "person_04" / "0.png")).save(root / "person_04" / "0.png")
    shutil.copy(root / "person_05" / "0.png", root / "person_05" / "more.png")
    return folder(root)


def test_every_missing_altered_and_extra_image_is_named_and_nothing_is_written(
    people: Path, tmp_path: Path
):
    source = _spoilt(people, tmp_path / "copy")
    with pytest.raises(IncompleteError, match="1 images missing, 1 altered, 1 extra") as raised:
        hydrate(people / "index", source, tmp_path / "out")
    found = raised.value.found.lines()
    assert found == ["missing: person_03/1", "altered: person_04/0", "extra: person_05/more"]
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_part_is_another_set_without_what_is_missing(people: Path, tmp_path: Path):
    source = _spoilt(people, tmp_path / "copy")
    done = hydrate(people / "index", source, tmp_path / "out", partial=True)
    before, after = FaceRef.open(people / "set"), FaceRef.open(tmp_path / "out")
    assert sum(after.manifest["counts"].values()) == sum(before.manifest["counts"].values()) - 2
    assert after.manifest["fingerprint"] != before.manifest["fingerprint"]
    assert after.manifest["hydrated"] == {"missing": 1, "altered": 1}
    people_left = {row["identity"] for split in SPLITS for row in after.rows(split)}
    found = after.manifest["people"]
    assert found["identities"] == len(people_left)
    assert sum(found["near_duplicate_pairs"].values()) == len(after.near_duplicates())
    assert sum(found["label_noise"].values()) == len(after.label_noise())
    rows = json.dumps([after.rows(name) for name in ("train", "val", "test")])
    assert "person_03/1" not in rows
    assert "person_04/0" not in rows
    assert not list(audit(after, PlainEmbedder()))
    assert not list(verify(tmp_path / "out"))
    assert done.files == 0


def test_a_report_in_the_set_that_is_made_is_refused_first(people: Path, tmp_path: Path):
    given = ["hydrate", str(people / "index"), "--source", str(people / "people")]
    out = tmp_path / "out"
    done = CliRunner().invoke(app, [*given, "--out", str(out), "--report", str(out / "r.txt")])
    assert done.exit_code == 1
    assert f"such as {tmp_path / 'r.txt'}" in " ".join(done.output.split())
    assert not out.exists()


def test_the_command_names_them_in_a_report(people: Path, tmp_path: Path):
    _spoilt(people, tmp_path / "copy")
    given = ["hydrate", str(people / "index"), "--source", str(tmp_path / "copy")]
    report, out = str(tmp_path / "report.txt"), str(tmp_path / "out")
    done = CliRunner().invoke(app, [*given, "--out", out, "--report", report])
    assert done.exit_code == 1
    assert "--partial" in done.output
    assert Path(report).read_text().splitlines() == [
        "missing: person_03/1", "altered: person_04/0", "extra: person_05/more",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [*given, "--out", out, "--partial"])
    assert done.exit_code == 0, done.output
    assert "a part of the published set" in done.output


def test_another_source_or_a_full_set_is_refused(people: Path, tmp_path: Path):
    source = replace(folder(people / "people"), name="lfw")
    with pytest.raises(FaceRefError, match=r"'folder', not from 'lfw'"):
        hydrate(people / "index", source, tmp_path / "out")
    make_release(people / "set", tmp_path / "full", Wish("me/set", "full", TERMS))
    with pytest.raises(FaceRefError, match="nothing to hydrate"):
        Index.open(tmp_path / "full")
    with pytest.raises(FaceRefError, match="no index"):
        Index.open(tmp_path)


def test_what_was_removed_is_not_extra(people: Path, tmp_path: Path):
    shutil.copytree(people / "set", tmp_path / "set")
    remove(tmp_path / "set", ["person_03/1"])
    index = _index(tmp_path / "set", tmp_path / "index")
    done = hydrate(index, folder(people / "people"), tmp_path / "out")
    assert done.comparison.lines() == []
    assert _files(tmp_path / "out") == _files(tmp_path / "set")


@pytest.mark.case("C19")
def test_absurd_landmarks_of_an_index_are_an_error(tmp_path: Path):
    path = tmp_path / "1.png"
    Image.new("RGB", (178, 218)).save(path)
    points = np.array([[1e5, -1e5], [100, 90], [80, 110], [70, 130], [95, 130]], np.float32)
    row = {
        "image_id": "a/1",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "landmarks": points.ravel().tolist(),
        "quality": {"detector_score": None},
    }
    with pytest.raises(FaceRefError, match="a/1: its landmarks in the index make no face"):
        make_png(row, Record("a/1", "folder", "a", path=path), {})
