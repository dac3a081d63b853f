import numpy as np
import pytest

from reports.scripts.sample.measure import Found, bicubic_psnr, luma, recognition, spectrum_slope


def test_luma_is_studio_range():
    colours = np.array([[0, 0, 0], [255, 255, 255]], dtype=np.uint8)
    assert luma(colours) == pytest.approx([16, 235], abs=0.01)


def test_bicubic_keeps_a_flat_image():
    assert bicubic_psnr(np.tile(np.arange(128, dtype=np.uint8)[:, None, None], (1, 128, 3))) > 45


def test_slope_of_known_spectra():
    rng = np.random.default_rng(0)
    frequency = np.fft.fftfreq(128) * 128
    radius = np.maximum(np.hypot(frequency[:, None], frequency[None]), 1)

    def image(power: float) -> np.ndarray:
        field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(128, 128))) * radius ** (power / 2)).real
        grey = np.clip(127 + 40 * field / field.std(), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)

    assert spectrum_slope([image(0) for _ in range(20)]) == pytest.approx(0, abs=0.1)
    assert spectrum_slope([image(-2) for _ in range(20)]) == pytest.approx(-2, abs=0.2)


def test_recognition_of_hand_made_embeddings():
    rows = np.array([[1, 0], [1, 0], [0.6, 0.8], [0.6, 0.8], [0, 1.0]])
    names = np.array(["a", "a", "b", "b", "skipped", "c"])
    found = Found(np.array([True, True, True, True, False, True]), rows)
    numbers = recognition(found, names)
    assert numbers["auc"] == 1
    assert numbers["same"] == pytest.approx(1)
    assert numbers["mean_other"] == pytest.approx((0.6 + 0 + 0.8) / 3)
    assert numbers["nearest_other"] == pytest.approx(0.8)
