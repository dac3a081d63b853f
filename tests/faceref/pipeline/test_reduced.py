"""Faces of large JPEGs, which are read at a fraction of their size."""

import hashlib
import io
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from faceref.embed.align import ARCFACE, align
from faceref.embed.base import Detection
from faceref.errors import FaceRefError
from faceref.pipeline import stages
from faceref.pipeline.reduced import align_in, first_look
from faceref.reading.image import decode, shrink_for
from faceref.record import Record
from faceref.release.hydrate import make_png
from faceref.sources.sample import sample_pool

WIDTH, HEIGHT = 2560, 1920
EXIF_ORIENTATION = 0x0112


@cache
def _photograph(face_side: int) -> np.ndarray:
    """A face of the sample of so many pixels a side at (800, 200), on grey."""
    face = cv2.resize(sample_pool()[1][0], (face_side, face_side), interpolation=cv2.INTER_CUBIC)
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    image[200 : 200 + face_side, 800 : 800 + face_side] = face
    return image


def _points(face_side: int) -> np.ndarray:
    return (ARCFACE.template + 0.5) * (face_side / 128) - 0.5 + np.array([800, 200], np.float32)


def _jpeg(image: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


class _Finder:
    """Finds the face at `points` of the whole image, where what it sees is `least` wide."""

    scheme, batch_size, det_size = ARCFACE, 8, None

    def finest(self, _: int) -> float:
        return 1.0

    def __init__(self, points: np.ndarray, least: int = 0, face: float = 400) -> None:
        self.points, self.least, self.face, self.seen = points, least, face, []

    def detect(self, image: np.ndarray) -> list[Detection]:
        width = image.shape[1]
        self.seen.append(width)
        if width < self.least:
            return []
        points = ((self.points + 0.5) * (width / WIDTH) - 0.5).astype(np.float32)
        left, top = points[0].tolist()
        side = self.face * width / WIDTH
        return [Detection((left, top, left + side, top + side), 0.9, points)]

    def embed(self, faces: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def provenance(self) -> dict[str, Any]:
        return {}


def _found(record: Record, finder: _Finder) -> tuple[Record, np.ndarray]:
    """What comes of a record, and its aligned face."""
    found = stages.run([stages.read_for(finder), stages.find_face(finder)], [record])[0]
    assert found.face is not None
    return found, found.face


def _record(data: bytes, landmarks: np.ndarray | None = None) -> Record:
    return Record("a/1", "folder", "a", data=data, landmarks=landmarks)


@pytest.mark.parametrize(
    ("size", "longest", "shrink"),
    [
        ((4032, 3024), 960, 4),
        ((4000, 3000), 960, 4),
        ((4000, 3000), 500, 8),
        ((4000, 3002), 960, 2),
        ((3999, 2999), 960, 1),
        ((1024, 1024), 960, 1),
        ((1920, 1080), 960, 2),
        ((8000, 8), 960, 8),
    ],
)
def test_sides_divide_and_stay_long_enough(size: tuple[int, int], longest: float, shrink: int):
    assert shrink_for(*size, longest) == shrink


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_is_read_smaller_and_upright(orientation: int):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    data = _jpeg(_photograph(900), exif=exif)
    whole, small = decode(data), decode(data, 640)
    assert (whole.shrunk, small.shrunk) == (1, 4)
    assert small.pixels.shape[0] * 4 == whole.pixels.shape[0]
    height, width = small.pixels.shape[:2]
    mean = whole.pixels.reshape(height, 4, width, 4, 3).mean((1, 3))
    assert np.abs(mean - small.pixels).mean() < 1
    assert small.steps is None


def test_other_formats_are_read_whole():
    buffer = io.BytesIO()
    Image.new("RGB", (1024, 1024)).save(buffer, "WEBP", lossless=True)
    assert decode(buffer.getvalue(), 128).shrunk == 1


def test_a_large_face_is_taken_from_the_smaller_image():
    points = _points(1400)
    finder = _Finder(points)
    record, face = _found(_record(_jpeg(_photograph(1400))), finder)
    assert finder.seen == [WIDTH // 2]
    assert record.landmarks == pytest.approx(points, abs=1e-3)
    whole, inside = align(_photograph(1400), points.astype(np.float32), ARCFACE.template)
    assert record.quality is not None
    assert record.quality.eye_distance == pytest.approx(ARCFACE.eye_distance(points), rel=1e-4)
    assert record.quality.inside == pytest.approx(inside, abs=0.01)
    assert np.abs(face.astype(int) - whole).mean() < 1.5
    assert (record.pixels, record.data, record.shrunk) == (None, None, 1)


def test_a_face_that_needs_even_less_is_not_read_again(monkeypatch: pytest.MonkeyPatch):
    points = _points(1400).astype(np.float32)
    record = stages.read(_record(_jpeg(_photograph(1400))), first_look(None))
    assert record.shrunk == 2
    monkeypatch.setattr("faceref.pipeline.reduced.decode", pytest.fail)
    face, _ = align_in(record, points, ARCFACE.template)
    assert record.pixels is not None
    looked, _ = align(record.pixels, (points + 0.5) / 2 - 0.5, ARCFACE.template)
    assert np.array_equal(face, looked)


def test_a_small_face_is_taken_from_the_whole():
    data, points = _jpeg(_photograph(200)), _points(200)
    record, face = _found(_record(data), _Finder(points))
    assert record.landmarks is not None
    whole, _ = align(decode(data).pixels, record.landmarks, ARCFACE.template)
    assert np.array_equal(face, whole)


def test_where_no_face_is_seen_the_whole_is_looked_at():
    data, points = _jpeg(_photograph(300)), _points(300)
    finder = _Finder(points, least=WIDTH)
    record, _ = _found(_record(data), finder)
    assert finder.seen[-1] == WIDTH
    assert record.landmarks == pytest.approx(points, abs=1e-3)


def test_where_only_a_very_small_face_is_seen_the_whole_is_looked_at():
    data, points = _jpeg(_photograph(300)), _points(300)
    finder = _Finder(points, face=40)
    _found(_record(data), finder)
    assert finder.seen == [WIDTH // 2, WIDTH]


@pytest.mark.parametrize("turned", [1, 6])
def test_a_quarter_is_read_again_as_a_half(turned: int, monkeypatch: pytest.MonkeyPatch):
    """A face that needs more than it was looked for in, upright or on its side."""
    monkeypatch.setattr("faceref.pipeline.reduced.USUAL", 100)
    exif, image, points = Image.Exif(), _photograph(700), _points(700).astype(np.float32)
    exif[EXIF_ORIENTATION] = turned
    if turned == 6:
        image = np.rot90(image)
    data = _jpeg(np.ascontiguousarray(image), exif=exif)
    record = stages.read(_record(data), first_look(None))
    assert record.shrunk == 8
    face, inside = align_in(record, points, ARCFACE.template)
    half = decode(data, WIDTH / 2)
    assert half.shrunk == 2
    again, _ = align(half.pixels, (points + 0.5) / 2 - 0.5, ARCFACE.template)
    assert np.array_equal(face, again)
    assert inside == 1


def test_landmarks_outside_name_the_size_of_the_whole():
    record = stages.read(_record(_jpeg(_photograph(700))), first_look(None))
    assert record.shrunk == 2
    with pytest.raises(ValueError, match=f"{WIDTH}x{HEIGHT}"):
        align_in(record, _points(700) + 9000, ARCFACE.template)


def test_given_landmarks_choose_the_size_as_found_ones_do():
    points = _points(1400).astype(np.float32)
    data, finder = _jpeg(_photograph(1400)), _Finder(points)
    _, given = _found(_record(data, points), finder)
    assert finder.seen == []
    assert np.array_equal(given, _found(_record(data), finder)[1])


@pytest.mark.parametrize("side", [200, 700, 1400])
@pytest.mark.parametrize("least", [0, WIDTH], ids=["found in less", "found in the whole"])
@pytest.mark.parametrize("before", [False, True], ids=["reduced", "of before"])
def test_a_published_face_is_made_again(side: int, least: int, before: bool):
    """Also that of a set that was built before large JPEGs were read smaller."""
    data, finder = _jpeg(_photograph(side)), _Finder(_points(side), least)
    record, face = _found(_record(data), finder)
    assert record.landmarks is not None
    if before:
        face, _ = align(decode(data).pixels, record.landmarks, ARCFACE.template)
    row = {
        "image_id": "a/1",
        "sha256": record.sha256,
        "landmarks": record.landmarks.ravel().tolist(),
        "quality": {"detector_score": 0.9},
        "pixels_sha256": hashlib.sha256(face.tobytes()).hexdigest(),
    }
    png = make_png(row, _record(data), {})
    assert np.array_equal(decode(png).pixels, face)
    with pytest.raises(FaceRefError, match="aligned otherwise"):
        make_png({**row, "pixels_sha256": "0"}, _record(data), {})
