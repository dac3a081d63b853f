"""Frames that a detector has put aside, brought back."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch

from benchmark.methods.model import Model
from benchmark.training.export import load_model, pretrained
from benchmark.upscaling import frame_correction as module
from benchmark.upscaling.faces import FaceUpscaler, upscale_photo
from benchmark.upscaling.frame_correction import (
    MOST,
    SIDE,
    SPREAD,
    FrameCorrection,
    chained,
    features,
    frame_correction,
    measured,
    moved,
)
from benchmark.upscaling.networks import open_networks
from benchmark.upscaling.paste import frame_in_image
from faceref.embed.align import ARCFACE
from faceref.embed.base import Detection
from faceref.errors import FaceRefError

STEP = np.array([3.0, -2.0, 0.08, -0.1])


def _says(step: np.ndarray) -> FrameCorrection:
    """A correction that is `step`, whatever it sees."""
    stage = np.zeros((1, SIDE * SIDE + 1, 4), np.float32)
    stage[0, -1] = step
    return FrameCorrection(stage, "")


def _photo(face: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """A photograph with `face` in it, where `matrix` leads from its frame."""
    wide = cv2.copyMakeBorder(face, 64, 64, 64, 64, cv2.BORDER_REFLECT_101)
    from_wide = chained(matrix, np.array([[1.0, 0, -64], [0, 1, -64]]))
    return cv2.warpAffine(wide, from_wide, (side, side), flags=cv2.INTER_LINEAR)


def test_a_step_is_what_it_does():
    assert measured(moved(STEP)) == pytest.approx(STEP)
    centre = np.array([63.5, 63.5, 1.0])
    assert moved(STEP) @ centre == pytest.approx([66.5, 61.5])
    back = cv2.invertAffineTransform(moved(STEP))
    assert measured(chained(back, moved(STEP))) == pytest.approx(np.zeros(4), abs=1e-9)


def test_light_and_contrast_are_not_seen(sample_faces: np.ndarray):
    face = sample_faces[0].astype(np.float32)
    assert features(face).shape == (SIDE * SIDE + 1,)
    assert np.allclose(features(face), features(0.5 * face + 40), atol=0.01)


def test_frames_that_are_off_are_brought_back(sample_faces: np.ndarray):
    rng = np.random.default_rng(0)
    straight = np.array([[0.25, 0, 12.0], [0, 0.25, 12.0]])
    before, after = [], []
    for face in sample_faces[:12]:
        photo = _photo(face, straight, 56)
        right = frame_correction().corrected(photo, straight)
        for step in rng.normal(0, SPREAD, (4, 4)):
            off = chained(straight, moved(step))
            found = frame_correction().corrected(photo, off)
            apart = [chained(cv2.invertAffineTransform(right), one) for one in (off, found)]
            before.append(np.abs(measured(apart[0])))
            after.append(np.abs(measured(apart[1])))
    assert (np.mean(after, 0) < 0.8 * np.mean(before, 0)).all()


@pytest.mark.parametrize(("most", "taken"), [(0.9 * MOST, True), (1.1 * MOST, False)])
def test_what_is_not_plausible_is_not_believed(sample_faces: np.ndarray, most: float, taken: bool):
    matrix = np.eye(2, 3)
    for place in range(4):
        step = np.where(np.arange(4) == place, most * SPREAD, 0)
        found = _says(step).corrected(sample_faces[0], matrix)
        assert np.allclose(found, moved(step) if taken else matrix, atol=1e-5)


class Finds:
    """A detector that puts the frame of the one face by a step aside."""

    scheme, det_size = ARCFACE, None

    def __init__(self, matrix: np.ndarray) -> None:
        self.points = cv2.transform(ARCFACE.template[None].astype(np.float64), matrix)[0]

    def finest(self, _: int) -> float:
        """The whole is looked at alone."""
        return 1.0

    def detect(self, _: np.ndarray) -> list[Detection]:
        """The face."""
        points = self.points.astype(np.float32)
        box = (*points.min(0).tolist(), *points.max(0).tolist())
        return [Detection(box, 1.0, points)]


def test_a_photograph_is_super_resolved_in_the_corrected_frame(sample_faces: np.ndarray):
    straight = np.array([[0.2, 0, 9.0], [0, 0.2, 9.0]])
    off = chained(straight, moved(STEP))
    photo = _photo(sample_faces[0], straight, 44)
    device = torch.device("cpu")
    networks = open_networks([load_model("bicubic")], 0, device)
    made = {}
    for name, where, correction in (
        ("right", straight, None),
        ("off", off, None),
        ("corrected", off, _says(measured(cv2.invertAffineTransform(moved(STEP))))),
    ):
        given = {scale: replace(one, correction=correction) for scale, one in networks.items()}
        upscaler = FaceUpscaler(given, lambda: pytest.fail("no references"), device)
        finder = Finds(where)
        assert np.allclose(frame_in_image(finder.points, ARCFACE.template, 1), where, atol=1e-4)
        made[name] = upscale_photo(photo, upscaler, finder, 4)[0].astype(int)  # pyright: ignore
    assert np.abs(made["corrected"] - made["right"]).max() <= 1
    assert np.abs(made["off"] - made["right"]).max() > 5


def test_only_networks_of_the_set_that_it_leads_to_are_given_it(monkeypatch: pytest.MonkeyPatch):
    device = torch.device("cpu")
    own = open_networks(pretrained(), 0, device)
    assert [one.correction for one in own.values()] == [frame_correction()] * 2
    assert own[8].provenance()["frame_correction"] == frame_correction().sha256
    (bicubic,) = open_networks([load_model("bicubic")], 0, device).values()
    assert bicubic.correction is bicubic.provenance()["frame_correction"] is None
    other, adapted = pretrained()
    other.facts["data_revision"] = "0" * 64
    assert open_networks([other], 0, device)[other.scale].correction is None
    monkeypatch.setattr(Model, "adaptation", property(lambda self: Mock(references=0)))
    assert open_networks([adapted], 0, device)[adapted.scale].correction is None


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / module.FILE.name
    file.write_bytes(module.FILE.read_bytes()[:-1])
    beside = f"{file.name}.sha256"
    (tmp_path / beside).write_bytes(module.FILE.with_name(beside).read_bytes())
    monkeypatch.setattr(module, "FILE", file)
    frame_correction.cache_clear()
    try:
        with pytest.raises(FaceRefError, match=r"frame_correction\.safetensors is damaged"):
            frame_correction()
    finally:
        frame_correction.cache_clear()
