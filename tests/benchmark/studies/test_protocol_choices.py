"""The page of choices, the wording of protocols, and folders of images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.evaluation.folders import score_folders
from benchmark.metrics.score import luma, score
from benchmark.protocol.degradation import degrade, upsample_bicubic
from benchmark.protocol.describe import names, protocol_text
from benchmark.protocol.published import PUBLISHED
from benchmark.protocol.tasks import TASKS
from benchmark.studies.protocol_choices import (
    SSIMS,
    choices,
    matlab_shrink,
    measure,
    page,
    read_faces,
)
from faceref.errors import FaceRefError


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


def _save(folder: Path, images: dict[str, np.ndarray]) -> Path:
    for name, image in images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name)
    return folder


def test_the_first_choice_is_our_protocol(sample_faces: np.ndarray):
    faces = sample_faces[:3]
    own = [score(upsample_bicubic(degrade(face)), face) for face in faces]
    expected = [np.mean([row[metric] for row in own]) for metric in ("psnr_y", "ssim_y")]
    assert measure(choices()[0], faces) == pytest.approx(expected, abs=1e-12)


def test_each_choice_moves_a_number_and_only_its_own(sample_faces: np.ndarray):
    own, *others = choices()
    base = measure(own, sample_faces[:3])
    for choice in others:
        quality, likeness = measure(choice, sample_faces[:3])
        assert (quality, likeness) != base, choice.title
        assert (quality == base[0]) == (choice.group == "SSIM"), choice.title


def test_windows_are_those_of_scikit_image(sample_faces: np.ndarray):
    first, second = luma(sample_faces[0]), luma(upsample_bicubic(degrade(sample_faces[0])))
    found = {title.split(" (")[0]: measured(first, second) for title, measured in SSIMS}
    sample = {"gaussian_weights": True, "sigma": 1.5}
    expected = {
        "uniform 7x7, sample covariance": structural_similarity(first, second, data_range=255),
        "Gaussian, sample covariance": structural_similarity(
            first, second, data_range=255, **sample
        ),
        "range 219 instead of 255": structural_similarity(
            first, second, data_range=219, use_sample_covariance=False, **sample
        ),
        "Gaussian, border mirrored and counted": structural_similarity(
            first, second, data_range=255, use_sample_covariance=False, full=True, **sample
        )[1].mean(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-4)


def test_matlab_differs_from_pillow_at_the_border_alone(sample_faces: np.ndarray):
    ours, pillow = matlab_shrink(sample_faces[0]).astype(int), degrade(sample_faces[0]).astype(int)
    assert np.abs(ours - pillow)[2:-2, 2:-2].max() <= 1
    assert np.abs(ours - pillow).max() > 1
    assert (matlab_shrink(np.full((128, 128, 3), 93, np.uint8)) == 93).all()


def test_the_page_is_the_same_from_the_same_faces(sample_faces: np.ndarray, tmp_path: Path):
    folder = _save(
        tmp_path / "faces", {f"{n}.png": face for n, face in enumerate(sample_faces[:2])}
    )
    _run("study", "protocols", folder, "--out", tmp_path / "page.md", "--name", "two")
    text = (tmp_path / "page.md").read_text()
    assert text == page(sample_faces[:2], "two")
    assert text.count("\n| ") == 2 + len(choices()) + 2 + 5


def test_face_refs_are_read_and_other_sizes_refused(tiny_face_ref: Path, tmp_path: Path):
    assert read_faces(tiny_face_ref).shape == (6, 128, 128, 3)
    folder = _save(tmp_path, {"small.png": np.zeros((64, 64, 3), np.uint8)})
    with pytest.raises(FaceRefError, match="64x64"):
        read_faces(folder)


@pytest.mark.parametrize("name", names())
def test_every_protocol_is_said_in_words(name: str):
    text = protocol_text(name)
    assert text.startswith(f"{name}: ")
    assert "PSNR" in text
    assert "BT.601" in text
    assert _run("protocol", name).strip() == text


def test_words_name_scale_and_degradation():
    assert "x16, 8x8" in protocol_text("lfw-x16@1")
    assert "JPEG" in protocol_text("lfw-x8-real@1")
    for name, less in (("lfw-x16@1", True), ("lfw-x8-real@1", True), ("lfw-x8@1", False)):
        assert ("refs_lr are searched for with this LR face" in protocol_text(name)) == less
    assert "8 pixels at each side" in protocol_text("dic")
    listed = dict(line.split(": ", 1) for line in _run("protocol").splitlines())
    assert {name: one.title for name, one in TASKS.items()}.items() <= listed.items()
    assert listed["dic"] == "DIC (Ma et al., CVPR 2020)"
    with pytest.raises(FaceRefError, match="lfw-x8@1"):
        protocol_text("lfw-x8")


def test_folders_are_scored_by_name(tmp_path: Path):
    faces = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    low = _save(tmp_path / "low", {"a/1.png": faces[0], "2.png": faces[1]})
    high = _save(tmp_path / "high", {"a/1.bmp": faces[0], "2.png": faces[0]})
    found = score_folders(low, high, "pairs-x8@1")
    assert found["a/1"]["psnr_y"] == 100
    assert found["2"] == score(faces[1], faces[0])
    assert "2 images: psnr_y" in _run("score", low, high)


def test_folders_that_do_not_match_are_refused(tmp_path: Path):
    face = np.zeros((32, 32, 3), np.uint8)
    high = _save(tmp_path / "high", {"1.png": face, "2.png": face})
    cases = {
        "not in .*low": {"1.png": face},
        "not in .*high": {"1.png": face, "2.png": face, "3.png": face},
        "32x16": {"1.png": face, "2.png": face[:16]},
        "mode L": {"1.png": face, "2.png": face[..., 0]},
        "one name": {"1.png": face, "1.bmp": face, "2.png": face},
    }
    for place, (message, images) in enumerate(cases.items()):
        low = _save(tmp_path / f"{place}-low", images)
        with pytest.raises(FaceRefError, match=message):
            score_folders(low, high, "pairs-x8@1")
    (tmp_path / "0-low" / "2.png").write_bytes(b"no image")
    with pytest.raises(FaceRefError, match="Cannot read"):
        score_folders(tmp_path / "0-low", high, "pairs-x8@1")


def test_the_committed_page_has_the_choices_of_the_code():
    text = (Path(__file__).resolve().parents[3] / "docs" / "protocols.md").read_text(
        encoding="utf-8"
    )
    rows = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| ")]
    expected = [[f"| {choice.group}", choice.title] for choice in choices()]
    assert rows[2 : 2 + len(expected)] == expected, "run: facebench study protocols"
    for name in PUBLISHED:
        assert f"| `{name}` |" in text
