"""Images of an outside tool: every wrong name and file is found before anything is scored."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.evaluation import predictions
from benchmark.evaluation.predictions import evaluate_predictions
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError

SETTING = Setting("folder-x8@1")


@pytest.fixture(scope="module")
def perfect(tiny_face_ref: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HR faces of the test split, as predictions."""
    folder = tmp_path_factory.mktemp("perfect")
    faces = read_faces(FaceRef.open(tiny_face_ref), SETTING)
    for image_id, image in zip(faces.image_ids, faces.hr, strict=True):
        path = folder / f"{image_id}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


@pytest.fixture
def folder(perfect: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(perfect, tmp_path / "out"))


@pytest.fixture
def _unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    def score(*_: object) -> None:
        raise AssertionError("scored")

    monkeypatch.setattr(predictions, "score_all", score)


def _error(face_ref: Path, folder: Path, setting: Setting = SETTING, name: str = "mine") -> str:
    with pytest.raises(FaceRefError) as caught:
        evaluate_predictions(FaceRef.open(face_ref), folder, name, setting)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_faces_themselves_are_perfect(tiny_face_ref: Path, folder: Path):
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "test0" / ".thumbs").mkdir()
    (folder / "test0" / ".thumbs" / "0.png").write_bytes(b"x")
    found = evaluate_predictions(FaceRef.open(tiny_face_ref), folder, "mine", SETTING)
    assert found.scores["psnr_rgb"] == [100.0] * 6
    assert (found.budget, found.macs, found.references) == (None, None, 0)


@pytest.mark.usefixtures("_unscored")
def test_missing_and_extra_names_are_counted_in_one_error(tiny_face_ref: Path, folder: Path):
    (folder / "test0" / "0.png").rename(folder / "test0" / "0.PNG")
    (folder / "test1" / "2.png").rename(folder / "test1_2.png")
    for place in range(7):
        (folder / f"extra{place}.txt").touch()
    found = _error(tiny_face_ref, folder)
    assert "No prediction for 2 of 6 faces: test0/0.png, test1/2.png." in found
    assert "Files that are no face of the split, 9: extra0.txt, extra1.txt" in found
    assert "extra4.txt and 4 more." in found


@pytest.mark.usefixtures("_unscored")
def test_one_file_too_many_is_an_error(tiny_face_ref: Path, folder: Path):
    shutil.copy(folder / "test0" / "0.png", folder / "test0" / "0_sr.png")
    assert "Files that are no face of the split, 1: test0/0_sr.png." in _error(
        tiny_face_ref, folder
    )
    with pytest.raises(FaceRefError, match="is no folder"):
        evaluate_predictions(FaceRef.open(tiny_face_ref), folder / "none", "mine", SETTING)


def test_a_part_of_the_split_needs_no_more_than_its_images(tiny_face_ref: Path, folder: Path):
    some = Setting("folder-x8@1", faces=2)
    assert evaluate_predictions(FaceRef.open(tiny_face_ref), folder, "mine", some).images == 2
    (folder / "test1" / "2.png").unlink()
    assert evaluate_predictions(FaceRef.open(tiny_face_ref), folder, "mine", some).images == 2
    (folder / "test2" / "5.png").unlink()
    assert "No prediction for 1 of 2 faces: test2/5.png" in _error(tiny_face_ref, folder, some)


def _saved(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _sixteen_bit_rgb() -> bytes:
    """A valid header is enough: Pillow alone would read it as 8 bit."""
    cv2 = pytest.importorskip("cv2")
    return cv2.imencode(".png", np.full((128, 128, 3), 40_000, np.uint16))[1].tobytes()


FACE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8))
WRONG = {
    "is 64x128": lambda: _saved(FACE.resize((64, 128))),
    "is 8-bit RGBA (drop the alpha": lambda: _saved(FACE.convert("RGBA")),
    "is 8-bit grey (write all three": lambda: _saved(FACE.convert("L")),
    "is 8-bit grey with alpha": lambda: _saved(FACE.convert("LA")),
    "is 8-bit palette": lambda: _saved(FACE.convert("P")),
    "is 1-bit grey": lambda: _saved(FACE.convert("1")),
    "is 16-bit grey": lambda: _saved(Image.fromarray(np.full((128, 128), 40_000, np.uint16))),
    "is 16-bit RGB (round to 8 bit": _sixteen_bit_rgb,
    "is no PNG": lambda: _saved(FACE, "JPEG"),
    "is damaged: it ends in its header": lambda: _saved(FACE)[:20],
    "is damaged: ": lambda: _saved(FACE)[:9_000],
}


@pytest.mark.usefixtures("_unscored")
@pytest.mark.parametrize("expected", WRONG)
def test_an_image_of_another_kind_is_named(tiny_face_ref: Path, folder: Path, expected: str):
    path = folder / "test2" / "5.png"
    path.write_bytes(WRONG[expected]())
    found = _error(tiny_face_ref, folder)
    assert found.startswith("1 of 6 predictions are not 128x128 PNG in 8-bit RGB: ")
    assert f"{path} {expected}" in found


@pytest.mark.usefixtures("_unscored")
def test_all_wrong_images_are_counted_after_the_names(tiny_face_ref: Path, folder: Path):
    for path in folder.rglob("*.png"):
        path.write_bytes(_saved(FACE.convert("L")))
    found = _error(tiny_face_ref, folder)
    assert found.startswith("6 of 6 predictions")
    assert " and 1 more" in found
    (folder / "more.png").touch()
    assert "no face of the split, 1: more.png" in _error(tiny_face_ref, folder)


@pytest.mark.usefixtures("_unscored")
@pytest.mark.parametrize("name", ["", "../mine", ".mine"])
def test_a_name_that_is_no_folder_is_refused_first(tiny_face_ref: Path, folder: Path, name: str):
    assert "is no name for a method" in _error(tiny_face_ref, folder, name=name)


@pytest.mark.case("B11")
@pytest.mark.usefixtures("_unscored")
@pytest.mark.parametrize("name", ["bicubic", "Bicubic", "msrnet-no-error"])
def test_predictions_cannot_take_the_place_of_a_method(
    tiny_face_ref: Path, folder: Path, name: str
):
    found = _error(tiny_face_ref, folder, name=name)
    assert found == (
        f"{name!r} is a method of the benchmark, and its results are that method's. Give yours "
        f"another name, such as 'my-{name}'."
    )
