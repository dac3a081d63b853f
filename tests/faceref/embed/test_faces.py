from collections.abc import Callable

import cv2
import numpy as np
import pytest

from faceref.embed.align import ARCFACE
from faceref.embed.base import Detection
from faceref.embed.faces import ModelFailedError, detect_all, detect_main, embed_each
from faceref.errors import FaceRefError
from tests.faceref.fakes import PlainEmbedder

SIDE = 64
SMALLEST = 8


class Sighted(PlainEmbedder):
    """Sees white squares from 8 pixels on in an image that is fitted into 64x64.

    What it sees there it divides by the scale, as insightface does: that forgets half pixels, as
    the middle of the first pixel is 0.
    """

    det_size = SIDE

    def __init__(self) -> None:
        super().__init__()
        self.looked_at: list[tuple[int, int]] = []

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The squares, with the score of how far they are from the border of what is seen."""
        self.looked_at.append(image.shape[:2])
        scale = SIDE / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, _, stats, _ = cv2.connectedComponentsWithStats((small[..., 0] > 127).astype(np.uint8))
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:] if min(w, h) >= SMALLEST]
        return [_detection(*((side - 0.5) / scale for side in box)) for box in boxes]


def _detection(left: float, top: float, right: float, bottom: float) -> Detection:
    points = ARCFACE.template / 128 * (right - left) + np.array([left, top], np.float32)
    return Detection((left, top, right, bottom), 0.8, points.astype(np.float32))


def _image(*squares: tuple[int, int, int], size: tuple[int, int] = (640, 1000)) -> np.ndarray:
    image = np.zeros((*size, 3), np.uint8)
    for x, y, side in squares:
        image[y : y + side, x : x + side] = 255
    return image


def _boxes(found: list[Detection]) -> np.ndarray:
    return np.array(sorted(face.box for face in found)).reshape(-1, 4)


SQUARES = [(20, 30, 10), (40, 600, 300), (500, 320, 12), (700, 100, 60), (985, 625, 12)]


@pytest.mark.case("E30")
def test_small_faces_of_a_large_photograph_are_found_once_each():
    squares = [square for square in SQUARES if square[2] != 300] + [(60, 200, 300)]
    image, embedder = _image(*squares), Sighted()
    assert len(embedder.detect(image)) == 1
    found = _boxes(detect_all(embedder, image))
    wanted = np.array(sorted((x, y, x + side, y + side) for x, y, side in squares))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 8
    tiles = embedder.looked_at[2:]
    assert max(max(tile) for tile in tiles) == SIDE


@pytest.mark.parametrize("place", range(40, 70, 3))
def test_a_face_at_the_edge_of_a_tile_is_found_whole(place: int):
    image = _image((place, place, 12), size=(200, 200))
    (face,) = detect_all(Sighted(), image)
    first, last = place - 0.5, place + 11.5
    assert np.abs(np.array(face.box) - (first, first, last, last)).max() <= 1
    assert np.abs(face.landmarks.mean(0) - place - 12 * ARCFACE.template.mean(0) / 128).max() <= 1


def test_the_main_face_of_a_large_image_is_looked_for_no_closer_than_needed():
    large, small, smallest = (_image((300, 200, side)) for side in (400, 200, 20))
    looks = []
    for image in (large, small, smallest):
        embedder = Sighted()
        looks.append((len(detect_main(embedder, image)), len(embedder.looked_at)))
    assert looks[0] == (1, 1)
    assert looks[1][0] == 1
    assert 1 < looks[1][1] < looks[2][1]
    assert looks[2][0] == 0


def test_an_image_that_fits_is_looked_at_once():
    for look in (detect_main, detect_all):
        embedder = Sighted()
        assert look(embedder, _image(size=(64, 50))) == []
        assert embedder.looked_at == [(64, 50)]


@pytest.mark.parametrize("side", [20, 40, 256])
def test_points_of_a_detector_that_forgets_half_pixels_are_right_to_a_tenth(side: int):
    image = _image((side // 4, side // 4, side // 2), size=(side, side))
    (own,), (ours,) = Sighted().detect(image), detect_all(Sighted(), image)
    centre = side / 2 - 0.5
    assert abs(np.mean(own.box) - centre) > 0.1
    assert abs(np.mean(ours.box) - centre) < 0.1


class Failing(PlainEmbedder):
    """Fails where `fails` says so of an image, or of one of the faces."""

    def __init__(self, fails: Callable[[np.ndarray], bool]) -> None:
        super().__init__()
        self.fails = fails

    def detect(self, image: np.ndarray) -> list[Detection]:
        """As `PlainEmbedder`."""
        if self.fails(image):
            raise RuntimeError("CUDA error:\n out of memory")
        return super().detect(image)

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """As `PlainEmbedder`."""
        if any(self.fails(face) for face in faces):
            raise RuntimeError("bad face")
        return super().embed(faces)


def _is_white(image: np.ndarray) -> bool:
    return image.min() == 255


def test_an_image_that_the_detector_fails_on_is_told_from_a_broken_detector():
    white = np.full((128, 128, 3), 255, np.uint8)
    with pytest.raises(ModelFailedError, match=r"on this image \(RuntimeError: CUDA error: out of"):
        detect_main(Failing(_is_white), white)
    with pytest.raises(FaceRefError, match="fails on every image, on a blank one, too") as caught:
        detect_main(Failing(lambda image: True), white)
    assert not isinstance(caught.value, ModelFailedError)
    assert "\n" not in str(caught.value)


def test_a_face_that_cannot_be_embedded_does_not_lose_the_others():
    faces = np.random.default_rng(0).integers(0, 200, (3, 128, 128, 3), np.uint8)
    faces[1] = 255
    one, bad, two = embed_each(Failing(_is_white), faces)
    assert isinstance(bad, ModelFailedError)
    assert bad.kind == "RuntimeError"
    assert np.allclose(np.stack([one, two]), PlainEmbedder().embed(faces[[0, 2]]))  # pyright: ignore
    with pytest.raises(FaceRefError, match="The embedder fails on every image"):
        embed_each(Failing(lambda image: True), faces)


def test_an_embedding_that_is_not_finite_is_none():
    class Odd(PlainEmbedder):
        def embed(self, faces: np.ndarray) -> np.ndarray:
            return np.full((len(faces), 4), np.nan, np.float32)

    (only,) = embed_each(Odd(), np.zeros((1, 128, 128, 3), np.uint8))
    assert isinstance(only, ModelFailedError)


def test_boxes_that_are_none_and_points_that_are_not_finite_are_left_out():
    class Odd(PlainEmbedder):
        def detect(self, image: np.ndarray) -> list[Detection]:
            points = np.where(np.eye(5, 2) > 0, np.nan, 1).astype(np.float32)
            return [Detection((0, 0, 9, 9), 0.9, points), Detection((9, 0, 9, 9), 0.9, points * 0)]

    assert detect_main(Odd(), np.zeros((64, 64, 3), np.uint8)) == []


@pytest.mark.real
@pytest.mark.case("E30")
def test_a_hundred_small_faces_of_a_large_photograph(real_data):
    from PIL import Image

    from faceref.embed.registry import open_embedder

    pack = str(real_data / "models" / "arcface_small")
    embedder = open_embedder("insightface", pack=pack, det_size=320)
    people = sorted((real_data / "data" / "lfw-deepfunneled").iterdir())[::57][:100]
    photo = Image.new("RGB", (1920, 1440), (118, 124, 109))
    for place, person in enumerate(people):
        image = Image.open(next(iter(sorted(person.iterdir())))).crop((40, 30, 210, 220))
        small = image.resize((54, 60), Image.Resampling.LANCZOS)
        photo.paste(small, (20 + 189 * (place % 10), 30 + 140 * (place // 10)))
    pixels = np.asarray(photo)
    assert len(embedder.detect(pixels)) < 5
    found = detect_all(embedder, pixels)
    assert 97 <= len(found) <= 103
    width = np.median([face.box[2] - face.box[0] for face in found])
    assert 24 < width < 36
