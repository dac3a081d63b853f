from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from benchmark.metrics.colour import luma
from benchmark.metrics.psnr import psnr
from benchmark.metrics.score import score, to_uint8
from benchmark.metrics.ssim import ssim


def _pair(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
    second = np.clip(first + rng.normal(0, 20, first.shape), 0, 255).astype(np.uint8)
    return first, second


def test_luma_of_known_colours():
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], "u1")
    assert luma(colours) == pytest.approx([16, 235, 81.481, 144.553, 40.966])


def test_psnr_of_a_constant_error():
    assert psnr(np.full((4, 4), 10), np.full((4, 4), 20)) == pytest.approx(28.1308, abs=1e-4)
    assert psnr(np.zeros(3), np.full(3, 255)) == 0


def test_psnr_of_equal_images_is_finite():
    assert psnr(np.ones(3), np.ones(3)) == 100


@pytest.mark.parametrize("seed", range(3))
def test_ssim_is_that_of_wang_et_al(seed: int):
    first, second = (luma(image) for image in _pair(seed))
    reference = structural_similarity(
        first,
        second,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(first, second) == pytest.approx(reference, abs=1e-6)


def test_golden_scores():
    found = score(*_pair())
    assert found == pytest.approx(GOLDEN, abs=1e-4)


GOLDEN = {"psnr_y": 27.36442, "ssim_y": 0.96359, "psnr_rgb": 22.56717, "ssim_rgb": 0.96588}


def test_score_refuses_images_that_do_not_match():
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        score(np.zeros((4, 4, 3)), np.zeros((4, 4, 3), np.uint8))


def test_to_uint8_clamps_and_rounds():
    image = np.array([-0.2, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 1.7]).reshape(1, 2, 2)
    assert to_uint8(np.repeat(image, 3, 0))[..., 0].ravel().tolist() == [0, 0, 1, 255]


@pytest.mark.real
def test_bicubic_on_helen_is_the_known_number(real_data: Path):
    # The 50 Helen faces that FSRNet used, with its own enlarged images: 23.690 dB by its protocol,
    # which rounds Y; ours does not and is 0.002 dB higher.
    root = real_data / "data" / "helen-50"
    pairs = [
        [np.asarray(Image.open(root / kind / path.name).convert("RGB")) for kind in KINDS]
        for path in sorted((root / "HR").iterdir())
    ]
    rounded = [psnr(luma(low).round(), luma(high).round()) for low, high in pairs]
    assert np.mean(rounded) == pytest.approx(23.690, abs=0.001)
    ours = [score(low, high)["psnr_y"] for low, high in pairs]
    assert np.mean(ours) == pytest.approx(23.6916, abs=0.001)


KINDS = ("LR_upsampled", "HR")
