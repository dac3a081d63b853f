"""Published protocols against straightforward re-implementations, and against known numbers."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import convolve2d

from benchmark import score_folders
from benchmark.evaluation.folders import measure_of
from benchmark.protocol.degradation import degrade, upsample_bicubic
from benchmark.protocol.published import PUBLISHED, score_published
from faceref.errors import FaceRefError


def _slow_y(image: np.ndarray) -> np.ndarray:
    red, green, blue = (image[..., place].astype(int) for place in range(3))
    return (65481 * red + 128553 * green + 24966 * blue) / 255000 + 16


def _slow_psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = sum((a - b) ** 2 for a, b in zip(first.flat, second.flat, strict=True)) / first.size
    return 20 * np.log10(255 / np.sqrt(error))


def _slow_ssim(first: np.ndarray, second: np.ndarray) -> float:
    axis = np.arange(-5, 6)
    window = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(plane: np.ndarray) -> np.ndarray:
        return convolve2d(plane, window, mode="valid")

    x, y = first.astype(float), second.astype(float)
    luminance = (2 * mean(x) * mean(y) + 6.5025) / (mean(x) ** 2 + mean(y) ** 2 + 6.5025)
    covariance = mean(x * y) - mean(x) * mean(y)
    variances = mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2
    return float((luminance * (2 * covariance + 58.5225) / (variances + 58.5225)).mean())


def _slow(name: str, output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    planes = [_slow_y(image) for image in (output, target)]
    if name == "dic":
        planes = [plane.round().astype(np.uint8) for plane in planes]
    if name in ("ctcnet", "fsrnet"):
        # The released line: K = weights / 255, then 16 + x K, cut to uint8.
        weights = np.array([65.481, 128.553, 24.966]) / 255.0
        planes = [(16 + np.matmul(x, weights)).astype(np.uint8) for x in (output, target)]
    if name in ("dic", "basicsr"):
        planes = [plane[8:-8, 8:-8] for plane in planes]
    floats = [plane.astype(float) for plane in planes]
    found = {"psnr_y": _slow_psnr(*floats), "ssim_y": _slow_ssim(*floats)}
    if name == "dic":
        with np.errstate(over="ignore"):
            found["ssim_overflow"] = _slow_ssim(*(plane * np.uint8(255) for plane in planes))
    return found


@pytest.fixture(scope="module")
def pairs(sample_faces: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(upsample_bicubic(degrade(face)), face) for face in sample_faces[:8]]


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_scores_are_those_of_a_plain_implementation(name: str, pairs: list):
    for output, target in pairs:
        found = score_published(PUBLISHED[name], output, target)
        assert found == pytest.approx(_slow(name, output, target), abs=1e-9)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_golden_values_on_the_sample(name: str, pairs: list):
    rows = [score_published(PUBLISHED[name], *pair) for pair in pairs]
    found = {metric: np.mean([row[metric] for row in rows]) for metric in rows[0]}
    assert found == pytest.approx(GOLDEN[name], abs=1e-4)


GOLDEN = {
    "basicsr": {"psnr_y": 24.5138, "ssim_y": 0.65462},
    "ctcnet": {"psnr_y": 25.08588, "ssim_y": 0.69016},
    "dic": {"psnr_y": 24.5112, "ssim_y": 0.65379, "ssim_overflow": 0.65532},
    "fsrnet": {"psnr_y": 25.08588, "ssim_y": 0.69016},
}


def test_the_overflow_is_that_of_uint8_and_leaves_psnr_alone(pairs: list):
    output, target = pairs[0]
    wrapped = [np.round(_slow_y(image)).astype(np.uint8) * np.uint8(255) for image in pairs[0]]
    low, high = (plane[8:-8, 8:-8].astype(float) for plane in wrapped)
    found = score_published(PUBLISHED["dic"], output, target)
    assert _slow_psnr(low, high) == pytest.approx(found["psnr_y"], abs=1e-9)
    assert found["ssim_overflow"] != pytest.approx(found["ssim_y"], abs=1e-4)


def test_unknown_and_too_small_say_so():
    with pytest.raises(FaceRefError, match="ctcnet"):
        measure_of("ctcnett")
    tiny = np.zeros((24, 24, 3), np.uint8)
    with pytest.raises(FaceRefError, match="24x24"):
        score_published(PUBLISHED["dic"], tiny, tiny)


@pytest.mark.real
def test_fsrnet_on_helen_is_the_published_number(real_data: Path):
    root = real_data / "data" / "helen-50"
    found = score_folders(root / "LR_upsampled", root / "HR", protocol="fsrnet").mean()
    assert f"{found['psnr_y']:.3f} {found['ssim_y']:.4f}" == "23.690 0.6592"
