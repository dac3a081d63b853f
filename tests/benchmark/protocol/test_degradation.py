from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.methods.resample import downsample, matrix, upsample
from benchmark.protocol import exact_resize
from benchmark.protocol.degradation import (
    degrade,
    degrade_all,
    degrade_batch,
    degrade_realistic,
    upsample_bicubic,
)
from benchmark.protocol.tasks import Realistic
from faceref.errors import FaceRefError


def _noise(side: int, seed: int = 0) -> np.ndarray:
    # Far from black and white: Pillow clips between its two passes, a matrix does not.
    return np.random.default_rng(seed).integers(80, 176, (side, side, 3), dtype=np.uint8)


def test_degrade_is_antialiased():
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    small = degrade(stripes)
    assert small.shape == (16, 16, 3)
    assert np.abs(small[:, 1:-1].astype(int) - 127).max() <= 1


def test_degrade_keeps_its_golden_values():
    ramp = np.add.outer(np.arange(128), np.arange(128)).astype(np.uint8)
    small = degrade(np.repeat(ramp[..., None], 3, 2))
    assert small[0, :4, 0].tolist() == [8, 15, 24, 32]
    assert small[3, 7].tolist() == [88, 88, 88]
    assert small[15, 15].tolist() == [246, 246, 246]


def test_enlarge_keeps_flat_colour():
    assert (upsample_bicubic(np.full((16, 16, 3), 77, np.uint8)) == 77).all()


def test_rows_of_the_matrix_sum_to_one():
    for before, after in ((128, 16), (16, 128), (16, 32), (100, 37)):
        assert np.allclose(matrix(before, after).sum(1), 1, atol=1e-6)


def _as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def test_network_resampling_is_that_of_pillow():
    for image, side, resample in ((_noise(128), 16, downsample), (_noise(16), 128, upsample)):
        scale = max(side, image.shape[0]) // min(side, image.shape[0])
        ours = resample(_as_tensor(image), scale)[0].permute(1, 2, 0).clamp(0, 255).numpy()
        size = (side, side)
        pillow = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
        # Pillow rounds to uint8 after each of its two passes, and its weights to 22 bits.
        assert np.abs(ours - pillow).max() <= 1.6
        assert np.abs(ours - pillow).mean() < 0.4


def test_resampling_stays_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert upsample(torch.rand(1, 3, 16, 16), 8).dtype == torch.float32


def _hard(side: int) -> np.ndarray:
    # Noise, black and white (where Pillow clips between its passes), lone dots, flat colour.
    rng = np.random.default_rng(side)
    noise = rng.integers(0, 256, (4, side, side, 3), dtype=np.uint8)
    noise[1] = np.where(noise[1] > 127, 255, 0)
    noise[2] = np.where(noise[2] > 252, 255, 0)
    noise[3] = 255
    return noise


@pytest.fixture(params=["bytes", "doubles"])
def arithmetic(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The arithmetic of the CPU, and that of other devices, both run on the CPU."""
    if request.param == "doubles":
        monkeypatch.setattr(exact_resize, "_sums_of_bytes", exact_resize._sums_of_doubles)
    return request.param


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("scale", [2, 4, 8, 16])
@pytest.mark.parametrize("side", [128, 256])
def test_shrinking_in_torch_has_the_bytes_of_pillow(side: int, scale: int):
    images = _hard(side)
    pillow = np.stack([degrade(image, scale) for image in images])
    assert np.array_equal(degrade_batch(torch.from_numpy(images), scale).numpy(), pillow)


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_enlarging_in_torch_has_the_bytes_of_pillow(scale: int):
    images = _hard(128 // scale)
    pillow = np.stack([upsample_bicubic(image, scale) for image in images])
    assert np.array_equal(exact_resize.enlarge(torch.from_numpy(images), scale).numpy(), pillow)


def test_batches_beyond_a_chunk_and_oblong_pictures_are_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exact_resize, "CHUNK", 3 * 64 * 96)
    images = np.random.default_rng(1).integers(0, 256, (7, 64, 96, 3), dtype=np.uint8)
    pillow = np.stack([degrade(image) for image in images])
    assert np.array_equal(degrade_batch(torch.from_numpy(images)).numpy(), pillow)


def test_settings_of_torch_do_not_change_the_bytes():
    images = torch.from_numpy(_hard(128))
    expected = degrade_batch(images)
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(degrade_batch(images), expected)
    finally:
        torch.set_float32_matmul_precision(precision)


def test_shrinking_refuses_what_is_not_its_own():
    with pytest.raises(ValueError, match="uint8"):
        degrade_batch(torch.zeros(1, 16, 16, 3))
    with pytest.raises(ValueError, match="multiples of 8"):
        degrade_batch(torch.zeros(1, 20, 16, 3, dtype=torch.uint8))


def test_the_sample_has_the_bytes_of_pillow(sample_faces: np.ndarray):
    for scale in (4, 8, 16):
        pillow = np.stack([degrade(image, scale) for image in sample_faces])
        torch_bytes = degrade_batch(torch.from_numpy(sample_faces), scale).numpy()
        assert (torch_bytes != pillow).sum() == 0


@pytest.mark.gpu
def test_shrinking_on_cuda_has_the_bytes_of_pillow(sample_faces: np.ndarray):
    for scale in (4, 8, 16):
        pillow = np.stack([degrade(image, scale) for image in sample_faces])
        on_device = degrade_batch(torch.from_numpy(sample_faces).cuda(), scale)
        assert (on_device.cpu().numpy() != pillow).sum() == 0


@pytest.mark.real
def test_real_faces_have_the_bytes_of_pillow(real_data: Path):
    paths = sorted((real_data / "data" / "lfw-deepfunneled").rglob("*.jpg"))[::13][:1000]
    crops = np.stack([np.asarray(Image.open(path))[61:189, 61:189] for path in paths])
    assert len(crops) == 1000
    for scale in (4, 8, 16):
        pillow = np.stack([degrade(image, scale) for image in crops])
        assert (degrade_batch(torch.from_numpy(crops), scale).numpy() != pillow).sum() == 0


def test_degrade_all_goes_by_name():
    images = _hard(128)
    ids = ["a", "b", "c", "d"]
    assert np.array_equal(degrade_all(images, ids, "bicubic")[1], degrade(images[1]))
    assert np.array_equal(
        degrade_all(images, ids, "realistic")[1], degrade_realistic(images[1], "b")
    )
    assert degrade_all(images[:0], [], "realistic").shape == (0, 16, 16, 3)
    with pytest.raises(FaceRefError, match="bicubic"):
        degrade_all(images, ids, "bicubik")


def test_realistic_is_drawn_from_the_id_alone(sample_faces: np.ndarray):
    face = sample_faces[0]
    assert np.array_equal(degrade_realistic(face, "a"), degrade_realistic(face, "a"))
    assert not np.array_equal(degrade_realistic(face, "a"), degrade_realistic(face, "b"))


def test_realistic_blurs_adds_noise_and_compresses(sample_faces: np.ndarray):
    face, clean = sample_faces[0], degrade(sample_faces[0]).astype(int)
    only = {
        "blur": Realistic(1, (4, 4), (0, 0), (100, 100)),
        "noise": Realistic(1, (0.01, 0.01), (10, 10), (100, 100)),
        "jpeg": Realistic(1, (0.01, 0.01), (0, 0), (10, 10)),
        "nothing": Realistic(1, (0.01, 0.01), (0, 0), (100, 100)),
    }
    small = {name: degrade_realistic(face, "a", 8, of).astype(int) for name, of in only.items()}
    distance = {name: np.abs(image - clean).mean() for name, image in small.items()}
    assert distance["nothing"] < 1.5 < min(distance[name] for name in ("blur", "noise", "jpeg"))
    assert np.std(small["noise"] - clean) == pytest.approx(10, rel=0.15)
    assert np.abs(np.diff(small["blur"], axis=1)).mean() < np.abs(np.diff(clean, axis=1)).mean()
