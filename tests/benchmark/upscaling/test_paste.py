"""Faces out of a photograph and back into it."""

import cv2
import numpy as np
import pytest

from benchmark.protocol.degradation import degrade
from benchmark.upscaling.consistency import shrink
from benchmark.upscaling.paste import (
    cut,
    feathered,
    frame_in_image,
    paste,
    side_in_image,
    upsample_image,
)
from faceref.embed.align import ARCFACE, align
from tests.benchmark.upscaling.points import points_of
from tests.faceref.fakes import face_image


@pytest.fixture(scope="module")
def large() -> np.ndarray:
    return cv2.resize(face_image(3, 0), (640, 480), interpolation=cv2.INTER_CUBIC)


def test_the_true_face_in_its_place_gives_the_image_again(large: np.ndarray):
    points = points_of(64, 40, 20)
    small = degrade(large, 4)
    face = align(large, _back(_frame(points, 4)), ARCFACE.template)[0]
    result = upsample_image(small, 4)
    paste(result, small, face, _frame(points, 1), 4)
    inside = cv2.warpAffine(np.ones((128, 128), np.uint8), _frame(points, 4), (640, 480)) > 0
    error = np.abs(result.astype(float) - large)
    assert inside.sum() > 20_000
    assert error[inside].mean() < 1
    assert np.array_equal(result[~inside], upsample_image(small, 4)[~inside])


def test_the_frame_is_where_alignment_takes_it_from():
    points = points_of(40, 10, 12)
    assert np.allclose(_back(_frame(points, 1)), points, atol=1e-3)
    assert np.allclose(_back(_frame(points, 2)), 2 * points + 0.5, atol=1e-3)
    assert side_in_image(_frame(points, 2)) == pytest.approx(80)


def test_a_face_that_lies_straight_is_cut_out_without_a_loss(sample_faces: np.ndarray):
    photo = np.full((40, 50, 3), 100, np.uint8)
    photo[12:28, 20:36] = degrade(sample_faces[0])
    matrix = np.array([[0.125, 0, 20 - 0.4375], [0, 0.125, 12 - 0.4375]])
    again = shrink(cut(photo, matrix), 16, 16)
    error = np.abs(again - photo[12:28, 20:36])[2:-2, 2:-2]
    assert error.max() < 2
    twice = degrade(align(photo, _back(matrix), ARCFACE.template)[0])
    assert np.abs(twice.astype(float) - photo[12:28, 20:36])[2:-2, 2:-2].max() > 2 * error.max()


@pytest.mark.parametrize(("left", "top"), [(60, 50), (-10, -12), (130, 95)])
def test_a_window_gives_what_the_whole_image_gives(
    large: np.ndarray, left: int, top: int, monkeypatch: pytest.MonkeyPatch
):
    """In the middle, and where the frame reaches beyond the border."""
    small, matrix = degrade(large, 4), _frame(points_of(40, left, top), 1)

    def made() -> tuple[np.ndarray, np.ndarray]:
        result = upsample_image(small, 4)
        paste(result, small, face_image(5, 0), matrix, 4)
        return result, cut(small, matrix)

    windowed, frame = made()
    monkeypatch.setattr("benchmark.upscaling.paste.MARGIN", 1000)
    whole, whole_frame = made()
    assert not np.array_equal(whole, upsample_image(small, 4))
    assert np.abs(windowed.astype(int) - whole).max() <= 1
    assert np.abs(frame - whole_frame).max() < 2


@pytest.mark.case("B6")
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("side", [12, 24, 40])
def test_shrunk_again_it_is_the_photograph(sample_faces: np.ndarray, scale: int, side: int):
    small = cv2.resize(sample_faces[0], (96, 96), interpolation=cv2.INTER_AREA)
    points = points_of(side, 20, 25)
    result = upsample_image(small, scale)
    paste(result, small, sample_faces[9], _frame(points, 1), scale)
    inside = cv2.warpAffine((feathered() == 1).astype(np.uint8), _frame(points, 1), (96, 96))
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8)) > 0
    error = np.abs(degrade(result, scale).astype(int) - small)[inside]
    assert inside.sum() > side
    assert (error.mean() < 0.5, error.max() <= 2) == (True, True)


def test_a_face_beside_the_photograph_changes_nothing_else(large: np.ndarray):
    small = degrade(large, 4)
    result = upsample_image(small, 2)
    paste(result, small, face_image(1, 0), _frame(points_of(20, -200, 300), 1), 2)
    assert np.array_equal(result, upsample_image(small, 2))


def _frame(points: np.ndarray, scale: int) -> np.ndarray:
    return frame_in_image(points, ARCFACE.template, scale)


def _back(matrix: np.ndarray) -> np.ndarray:
    return cv2.transform(ARCFACE.template[None].astype(np.float64), matrix)[0]
