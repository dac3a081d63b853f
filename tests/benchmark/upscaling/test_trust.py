"""Noise is told from detail, and what JPEG or noise put into a face is taken out of it."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmark.protocol.degradation import degrade
from benchmark.upscaling.trust import NOISE, cleaned, doubt
from faceref.reading.image import decode

WEIGHTS = np.array([0.299, 0.587, 0.114])
"""Of R, G and B in Y."""


@pytest.fixture(scope="module")
def photo(sample_faces: np.ndarray) -> np.ndarray:
    """Sixteen faces side by side, uint8 RGB (512, 512, 3)."""
    rows = sample_faces[:16].reshape(4, 4, 128, 128, 3).swapaxes(1, 2)
    return np.ascontiguousarray(rows.reshape(512, 512, 3))


def _noisy(image: np.ndarray, spread: float, planes: int = 3) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, spread, (*image.shape[:2], planes))
    return np.rint((image + noise).clip(0, 255)).astype(np.uint8)


def _error(image: np.ndarray, truth: np.ndarray) -> float:
    return float(np.square((image - truth.astype(float)) @ WEIGHTS).mean())


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_detail_is_not_taken_for_noise(photo: np.ndarray, scale: int):
    assert doubt(degrade(photo, scale)) is None


@pytest.mark.parametrize("spread", [5, 10, 20])
def test_noise_is_estimated(photo: np.ndarray, spread: int):
    for planes, colours in ((3, 3), (1, 1)):  # as of a sensor; and of grain, the same in R, G and B
        found = doubt(_noisy(photo, spread, planes))
        assert found is not None
        share = np.square(WEIGHTS).sum() if planes == 3 else 1.0
        assert np.sqrt(found[0, 0, 0] / NOISE / share) == pytest.approx(spread, rel=0.25)
        assert (found[0, 0] > 0).sum() == colours


def test_bars_around_a_photograph_do_not_hide_its_noise(photo: np.ndarray):
    noisy = _noisy(photo, 10)
    for colour in (0, 90, 255):
        framed = np.pad(noisy, ((300, 300), (0, 0), (0, 0)), constant_values=colour)
        assert doubt(framed) is not None


def test_what_has_no_block_is_trusted():
    assert doubt(np.zeros((7, 90, 3), np.uint8)) is None
    assert doubt(np.full((90, 90, 3), 77, np.uint8)) is None


def test_what_is_certain_is_kept_to_the_pixel(photo: np.ndarray):
    part = photo[:37, :50]
    assert np.array_equal(cleaned(part, np.zeros((8, 8, 3), np.float32)), part)
    assert cleaned(photo[:1, :3], np.ones((8, 8, 3), np.float32)).shape == (1, 3, 3)


@pytest.mark.parametrize("spread", [3, 5, 10])
def test_noise_is_taken_out(photo: np.ndarray, spread: int):
    noisy = _noisy(photo, spread)
    variance = doubt(noisy)
    assert variance is not None
    assert _error(cleaned(noisy, variance), photo) < 0.7 * _error(noisy, photo)


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_artefacts_are_taken_out_by_the_steps_of_the_file(photo: np.ndarray, quality: int):
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality)
    read = decode(file.getvalue())
    variance = doubt(read.pixels, read.steps)
    assert variance is not None
    assert _error(cleaned(read.pixels, variance), photo) < 0.95 * _error(read.pixels, photo)
    assert doubt(read.pixels) is None  # without the file they cannot be told from detail
