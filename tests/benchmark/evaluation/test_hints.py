import numpy as np
import pytest
from PIL import Image

from benchmark.evaluation.folders import score_folders
from benchmark.evaluation.hints import hint
from benchmark.evaluation.predictions import evaluate_predictions
from benchmark.evaluation.setting import Setting
from faceref.dataset.face_ref import FaceRef

RNG = np.random.default_rng(0)
FACES = [
    np.asarray(Image.fromarray(RNG.integers(0, 256, (9, 9, 3), np.uint8)).resize((128, 128)))
    for _ in range(3)
]
TURNS = {
    "turned by 90": lambda face: np.rot90(face),
    "turned by 180": lambda face: np.rot90(face, 2),
    "turned by 270": lambda face: np.rot90(face, 3),
    "mirrored (EXIF": lambda face: face[:, ::-1],
    "mirrored and turned by 90": lambda face: np.rot90(face[:, ::-1]),
    "upside down": lambda face: face[::-1],
    "mirrored and turned by 270": lambda face: np.rot90(face[:, ::-1], 3),
    "red and blue": lambda face: face[..., ::-1],
    "shifted by -7 pixels to the right and 5 down": lambda face: np.roll(face, (5, -7), (0, 1)),
}
CASE = pytest.mark.case("F BGR predictions and EXIF-turned targets")


@CASE
@pytest.mark.parametrize("what", TURNS)
def test_what_was_done_to_the_outputs_is_said(what: str):
    said = hint([TURNS[what](face) for face in FACES], FACES)
    assert said is not None
    assert what in said


def test_nothing_is_said_of_outputs_that_are_only_bad():
    noise = [RNG.integers(0, 256, face.shape, np.uint8) for face in FACES]
    small = [np.asarray(Image.fromarray(f).resize((8, 8)).resize((128, 128))) for f in FACES]
    for outputs in (FACES, noise, small):
        assert hint(outputs, FACES) is None


@CASE
def test_predictions_in_bgr_are_scored_as_they_are_with_a_hint(
    tiny_face_ref, tmp_path, capsys: pytest.CaptureFixture
):
    faces = FaceRef.open(tiny_face_ref)
    for name, face in zip(faces.column("test", "image_id"), faces.images("test"), strict=True):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(face[..., ::-1]).save(path)
    found = evaluate_predictions(faces, tmp_path, "mine", Setting("folder-x8@1"))
    assert found.means["psnr_rgb"] < 25
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "red and blue are swapped (BGR): PSNR of 6 faces would be" in said


@CASE
@pytest.mark.parametrize("tag", [True, False])
def test_targets_that_exif_turns_are_upright_and_without_the_tag_there_is_a_hint(
    tmp_path, capsys: pytest.CaptureFixture, tag: bool
):
    for place, face in enumerate(FACES):
        for name, pixels in (("out", face), ("true", np.rot90(face))):
            (tmp_path / name).mkdir(exist_ok=True)
            exif = Image.Exif()
            exif[0x0112] = 6 if name == "true" and tag else 1
            Image.fromarray(pixels).save(tmp_path / name / f"{place}.png", exif=exif)
    (tmp_path / "out" / "._0.png").write_bytes(b"Mac")
    scores = score_folders(tmp_path / "out", tmp_path / "true", "pairs-x8@1")
    said = "turned by 270 degrees (EXIF?)" in capsys.readouterr().err
    assert (min(one["psnr_y"] for one in scores.values()) == 100, said) == (tag, not tag)
