from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmark import score_folders
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import luma, psnr, score, ssim, to_uint8
from benchmark.protocol.degradation import degrade, upsample_bicubic


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
    # The 50 Helen faces that FSRNet used, with its own enlarged images. `test_published` has the
    # number by FSRNet's protocol, which cuts Y to whole numbers; ours does not.
    root = real_data / "data" / "helen-50"
    found = score_folders(root / "LR_upsampled", root / "HR").mean()
    assert found["psnr_y"] == pytest.approx(23.6916, abs=0.0001)
    assert found["ssim_y"] == pytest.approx(0.6600, abs=0.0001)


WANG: dict[str, Any] = {
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
    "data_range": 255,
}


def _skimage(output: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    pair, y_pair = (output, target), (luma(output), luma(target))
    return {
        "psnr_y": peak_signal_noise_ratio(*y_pair, data_range=255),
        "ssim_y": structural_similarity(*y_pair, **WANG),
        "psnr_rgb": peak_signal_noise_ratio(*pair, data_range=255),
        "ssim_rgb": structural_similarity(*pair, channel_axis=2, **WANG),
    }


def _agrees_with_skimage(outputs: np.ndarray, targets: np.ndarray) -> None:
    found = score_batch(outputs, targets)
    expected = [_skimage(*pair) for pair in zip(outputs, targets, strict=True)]
    for metric, values in found.items():
        assert values == pytest.approx([row[metric] for row in expected], abs=1e-6), metric


def test_batches_agree_with_scikit_image_on_the_sample(sample_faces: np.ndarray):
    faces = sample_faces[:12]
    _agrees_with_skimage(np.stack([upsample_bicubic(degrade(face)) for face in faces]), faces)


def test_batches_agree_with_scikit_image_on_noise():
    pairs = [_pair(seed) for seed in range(3)]
    _agrees_with_skimage(*(np.stack(images) for images in zip(*pairs, strict=True)))


def test_ssim_in_float32_holds_where_planes_are_flat():
    # Half black, half white: a small difference of large numbers, where float32 ends.
    columns = np.arange(64) < 32
    first = np.where(columns, 0.0, 255.0) + np.zeros((2, 64, 64))
    second = np.where(columns, 10.0, 250.0) + np.zeros((2, 64, 64))
    second[1] = first[1]
    expected = [structural_similarity(*pair, **WANG) for pair in zip(first, second, strict=True)]
    exact = [ssim(*pair) for pair in zip(first, second, strict=True)]
    assert exact == pytest.approx(expected, abs=1e-9)
    pair = (np.repeat(images[..., None], 3, -1).astype(np.uint8) for images in (first, second))
    pairs = score_batch(*pair)
    assert pairs["ssim_rgb"] == pytest.approx(expected, abs=2e-5)


def test_scores_do_not_depend_on_the_number_of_threads(sample_faces: np.ndarray):
    faces, before = sample_faces[:5], torch.get_num_threads()
    found = []
    for threads in (1, 3, 8):
        torch.set_num_threads(threads)
        found.append(score_batch(faces, faces[::-1]))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all((other[name] == found[0][name]).all() for name in other)


def test_batches_agree_with_single_images_and_equal_ones_are_finite(sample_faces: np.ndarray):
    faces = sample_faces[:10]
    found = score_batch(faces, faces[::-1])
    for row in (0, 9):
        single = score(sample_faces[row], sample_faces[9 - row])
        assert {name: values[row] for name, values in found.items()} == pytest.approx(
            single, abs=1e-6
        )
    assert score_batch(faces, faces)["psnr_rgb"].tolist() == [100] * 10


def test_batches_that_do_not_match_are_refused():
    one = np.zeros((2, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        score_batch(one, one[:1])
    with pytest.raises(ValueError, match="uint8"):
        score_batch(one, one.astype(np.float32))


@pytest.mark.real
def test_batches_agree_with_scikit_image_on_real_faces(real_data: Path):
    paths = sorted((real_data / "data" / "lfw-deepfunneled").rglob("*.jpg"))[::100]
    faces = np.stack([np.asarray(Image.open(path))[61:189, 61:189] for path in paths])
    _agrees_with_skimage(np.stack([upsample_bicubic(degrade(face)) for face in faces]), faces)
