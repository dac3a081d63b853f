"""Images that show two people alike: whose face is taken is decided by the label's other images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref.dataset.face_ref import FaceRef
from faceref.embed.align import ARCFACE
from faceref.embed.base import Detection
from faceref.embed.faces import ModelFailedError
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, face_image, write_people
from tests.files_below import files_below

RECIPE = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))


class Couples(PlainEmbedder):
    """Sees a face in each 128 pixels of an image's width."""

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Faces from left to right."""
        self.detected += 1
        return [
            Detection(
                (left, 0, left + 128, 128), 0.9, ARCFACE.template + np.array([left, 0], np.float32)
            )
            for left in range(0, image.shape[1], 128)
        ]


def _couple(path: Path, *people: int) -> None:
    """An image of `people` side by side, each as in no other image."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.hstack([face_image(person, 9) for person in people])).save(path)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    root = write_people(tmp_path / "people")
    _couple(root / "person_03" / "couple.png", 50, 3)
    _couple(root / "person_04" / "couple.png", 4, 51)
    _couple(root / "person_07" / "four.png", 60, 61, 7, 62)
    _couple(root / "person_20" / "couple.png", 20, 52)
    return root


def _face(face_ref: FaceRef, image_id: str) -> np.ndarray:
    for split in ("train", "val", "test"):
        ids = list(face_ref.column(split, "image_id"))
        if image_id in ids:
            return list(face_ref.images(split))[ids.index(image_id)]
    raise AssertionError(image_id)


@pytest.mark.case("B7")
def test_the_face_that_is_like_the_others_of_the_label_is_taken(people: Path, tmp_path: Path):
    manifest = build(folder(people), Couples(), tmp_path / "out", RECIPE)
    face_ref = FaceRef.open(tmp_path / "out")
    for image_id, person in (
        ("person_03/couple", 3),
        ("person_04/couple", 4),
        ("person_07/four", 7),
        ("person_03/0", None),
    ):
        wanted = face_image(3, 0) if person is None else face_image(person, 9)
        assert np.array_equal(_face(face_ref, image_id), wanted)
    assert manifest["rejects"] == {"several faces": 1}
    assert face_ref.rejects()[0]["image_id"] == "person_20/couple"
    ids = [
        name for split in ("train", "val", "test") for name in face_ref.column(split, "image_id")
    ]
    assert len(ids) == len(set(ids)) == 39


@pytest.mark.case("F+ faces chosen by likeness are counted and shown")
def test_what_likeness_decided_is_counted_and_shown_while_it_goes_on(people: Path, tmp_path: Path):
    said: list[tuple[object, ...]] = []
    manifest = build(
        folder(people),
        Couples(),
        tmp_path / "out",
        RECIPE,
        progress=lambda *state: said.append(state),
    )
    images = len(folder(people).records)
    assert (images + 3, images + 3, "choosing among several faces") in said
    assert said[-1] == (images + 3, images + 3, "writing")
    assert manifest["chosen_by_likeness"] == 3
    summary = FaceRef.open(tmp_path / "out").summary()
    assert "3 with several faces, chosen by likeness" in summary.files
    assert any(line.startswith("Several faces alike: in 3 images") for line in summary.notes)
    plain = build(folder(write_people(tmp_path / "plain")), Couples(), tmp_path / "few", RECIPE)
    assert "chosen_by_likeness" not in plain


def test_the_number_of_threads_and_an_interruption_change_nothing(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build(folder(people), Couples(), tmp_path / "whole", RECIPE, workers=1)
    monkeypatch.setattr("faceref.pipeline.local_executor.CHUNK", 2)
    build(folder(people), Couples(), tmp_path / "threads", RECIPE, workers=3)
    assert files_below(tmp_path / "threads") == files_below(tmp_path / "whole")

    class Stopped(Couples):
        def detect(self, image: np.ndarray) -> list[Detection]:
            if self.detected == 40 + 2:
                raise KeyboardInterrupt
            return super().detect(image)

    with pytest.raises(KeyboardInterrupt):
        build(folder(people), Stopped(), tmp_path / "out", RECIPE, workers=1)
    assert len(list((tmp_path / "out.building" / "several" / "parts").glob("*.parquet"))) == 1
    again = Couples()
    build(folder(people), again, tmp_path / "out", RECIPE)
    assert again.detected == 1
    assert files_below(tmp_path / "out") == files_below(tmp_path / "whole")


def test_without_labels_several_faces_are_a_reject(people: Path, tmp_path: Path):
    source = folder(people)
    unlabelled = tuple(record.having(identity=record.image_id) for record in source.records)
    source = type(source)("folder", "", unlabelled, labelled=False)
    manifest = build(source, Couples(), tmp_path / "out", RECIPE)
    assert manifest["rejects"] == {"several faces": 4}


class Failing(Couples):
    """Fails on images, or on faces, that `fails` picks."""

    def __init__(self, fails: Callable[[np.ndarray], bool]) -> None:
        super().__init__()
        self.fails = fails

    def detect(self, image: np.ndarray) -> list[Detection]:
        """As `Couples`."""
        if self.fails(image):
            raise RuntimeError("CUDA failure 2: out of memory")
        return super().detect(image)

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """As `Couples`."""
        if any(self.fails(face[::2]) for face in faces):
            raise ValueError("odd face")
        return super().embed(faces)


def test_images_that_a_model_fails_on_are_rejected_and_the_others_kept(tmp_path: Path):
    people = write_people(tmp_path / "people")
    for name, tall in (("tall", 130), ("narrow", 128)):
        image = np.full((tall, 128, 3), 255, np.uint8)
        Image.fromarray(image).save(people / "person_02" / f"{name}.png")
    heights = {130, 64}

    def fails(image: np.ndarray) -> bool:
        return image.min() == 255 and len(image) in heights

    manifest = build(folder(people), Failing(fails), tmp_path / "out", RECIPE)
    assert manifest["rejects"] == {"detector failed": 1, "embedder failed": 1}
    assert sum(manifest["counts"].values()) == 36
    rejects = {row["image_id"]: row for row in FaceRef.open(tmp_path / "out").rejects()}
    assert rejects["person_02/tall"]["detail"] == "RuntimeError"
    assert rejects["person_02/narrow"]["detail"] == "ValueError"


def test_a_detector_that_fails_on_everything_ends_the_build_and_loses_nothing(tmp_path: Path):
    people = write_people(tmp_path / "people")
    with pytest.raises(FaceRefError, match=r"fails on every image.*out of memory") as caught:
        build(folder(people), Failing(lambda image: True), tmp_path / "out", RECIPE)
    assert not isinstance(caught.value, ModelFailedError)
    manifest = build(folder(people), Couples(), tmp_path / "out", RECIPE)
    assert manifest["rejects"] == {}
