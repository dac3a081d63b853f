from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.quality import QualityRule
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, face_image, write_people
from tests.files_below import files_below

RECIPE = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_people(tmp_path / "people")


def test_a_build_keeps_faces_labels_and_splits(people: Path, tmp_path: Path):
    out = tmp_path / "out"
    manifest = build(folder(people), PlainEmbedder(), out, RECIPE)
    face_ref = FaceRef.open(out)
    assert sum(manifest["counts"].values()) == 36
    assert not (tmp_path / "out.building").exists()
    for split in ("train", "val", "test"):
        rows = face_ref.table(split, ["image_id", "identity", "split"]).to_pylist()
        assert rows
        images = face_ref.images(split)
        for row, image in zip(rows, images, strict=True):
            person, shot = row["image_id"].split("/")
            assert (row["identity"], row["split"]) == (person, split)
            assert np.array_equal(image, face_image(int(person[-2:]), int(shot)))


def test_references_are_other_people_of_train(people: Path, tmp_path: Path):
    build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE)
    face_ref = FaceRef.open(tmp_path / "out")
    train = set(face_ref.column("train", "image_id"))
    for split in ("train", "val", "test"):
        table = face_ref.table(split, ["identity", "refs_hr", "refs_lr"]).to_pylist()
        for row in table:
            for name in ("refs_hr", "refs_lr"):
                ids = [item["image_id"] for item in row[name]]
                scores = [item["score"] for item in row[name]]
                assert len(ids) == 4
                assert set(ids) <= train
                assert row["identity"] not in {image_id.split("/")[0] for image_id in ids}
                assert scores == sorted(scores, reverse=True)


def test_two_builds_are_equal_byte_by_byte(people: Path, tmp_path: Path):
    for name, workers in (("one", 1), ("two", 3)):
        build(folder(people), PlainEmbedder(), tmp_path / name, RECIPE, workers=workers)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")


def test_an_interrupted_build_goes_on(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("faceref.pipeline.local_executor.CHUNK", 10)
    build(folder(people), PlainEmbedder(), tmp_path / "whole", RECIPE)

    def stop(done: int, total: int) -> None:
        if done >= 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE, workers=1, progress=stop)
    assert not (tmp_path / "out").exists()
    embedder = PlainEmbedder()
    build(folder(people), embedder, tmp_path / "out", RECIPE)
    assert embedder.detected == 16
    assert files_below(tmp_path / "out") == files_below(tmp_path / "whole")


def test_going_on_with_other_settings_is_refused(people: Path, tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE, progress=stop)
    other = Recipe(Mining(references=4), quality=QualityRule(min_inside=0.9))
    with pytest.raises(FaceRefError, match="another min_inside"):
        build(folder(people), PlainEmbedder(), tmp_path / "out", other)


def test_bad_images_are_counted_and_named(people: Path, tmp_path: Path):
    Image.new("RGB", (128, 128)).save(people / "person_00" / "black.png")
    (people / "person_01" / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    (people / "person_02" / "empty.png").touch()
    manifest = build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE)
    assert manifest["rejects"] == {"no face": 1, "unreadable": 2}
    rejects = {row["image_id"]: row for row in FaceRef.open(tmp_path / "out").rejects()}
    assert rejects["person_00/black"]["reason"] == "no face"
    assert rejects["person_02/empty"]["detail"] == "empty file"
    assert set(rejects) == {"person_00/black", "person_01/broken", "person_02/empty"}


def test_an_existing_set_is_kept_unless_overwritten(people: Path, tmp_path: Path):
    build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE)
    before = files_below(tmp_path / "out")
    with pytest.raises(FaceRefError, match="--overwrite"):
        build(folder(people), PlainEmbedder(), tmp_path / "out", Recipe(Mining(references=2)))
    assert files_below(tmp_path / "out") == before
    build(
        folder(people),
        PlainEmbedder(),
        tmp_path / "out",
        Recipe(Mining(references=2)),
        overwrite=True,
    )
    assert FaceRef.open(tmp_path / "out").manifest["references"] == 2


def test_images_without_any_face_leave_nothing_behind(tmp_path: Path):
    for person in "abc":
        (tmp_path / "people" / person).mkdir(parents=True)
        Image.new("RGB", (128, 128)).save(tmp_path / "people" / person / "1.png")
    with pytest.raises(FaceRefError, match="3 no face"):
        build(folder(tmp_path / "people"), PlainEmbedder(), tmp_path / "out", RECIPE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people"]


def test_a_given_bound_is_used_and_recorded(people: Path, tmp_path: Path):
    recipe = Recipe(Mining(references=4, max_similarity=0.3), split=SplitRule(0.2, 0.2))
    manifest = build(folder(people), PlainEmbedder(), tmp_path / "out", recipe)
    assert manifest["thresholds"]["max_similarity"]["method"] == "given"
    assert manifest["similarity"]["refs_hr"]["1"] <= 0.3


def test_datasets_opens_the_folder(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE)
    opened = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert set(opened) == {"train", "val", "test"}
    row = opened["test"][0]
    assert isinstance(row["image"], Image.Image)
    person, shot = row["image_id"].split("/")
    assert np.array_equal(np.asarray(row["image"]), face_image(int(person[-2:]), int(shot)))
    assert set(row["refs_hr"][0]) == {"image_id", "score"}


@pytest.mark.case("F another images")
def test_an_unfinished_build_says_which_images_changed(tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    root = write_people(tmp_path / "people")
    with pytest.raises(KeyboardInterrupt):
        build(folder(root), PlainEmbedder(), tmp_path / "out", progress=stop)
    (root / "person_00" / "0.png").unlink()
    (root / "person_01" / "0.png").rename(root / "person_01" / "new.png")
    (root / "person_02" / "0.png").write_bytes(b"changed")
    message = (
        r"unfinished build of other images: 2 gone since \(person_00/0, person_01/0\); "
        r"1 new \(person_01/new\); 1 changed \(person_02/0\)\..*delete that folder"
    )
    with pytest.raises(FaceRefError, match=message):
        build(folder(root), PlainEmbedder(), tmp_path / "out")


def test_a_file_that_goes_while_it_is_built_is_rejected(tmp_path: Path):
    source = folder(write_people(tmp_path / "people"))
    (tmp_path / "people" / "person_00" / "0.png").unlink()
    build(source, PlainEmbedder(), tmp_path / "out", RECIPE)
    (reject,) = FaceRef.open(tmp_path / "out").rejects()
    assert reject["image_id"] == "person_00/0"
    assert reject["detail"] == "cannot be read (No such file or directory)"


@pytest.mark.case("C18")
def test_one_usable_face_in_all_says_what_is_needed(people: Path, tmp_path: Path):
    for path in sorted(people.rglob("*.png"))[1:]:
        Image.new("RGB", (128, 128)).save(path)
    with pytest.raises(FaceRefError, match=r"Only 1 person has .*rejected: 35 no face.*at least 3"):
        build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people"]
