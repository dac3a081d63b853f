from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.methods.resample import downsample, matrix, upsample
from benchmark.protocol.degradation import (
    degrade,
    degrade_all,
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


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_a_shrunk_mirrored_face_is_the_mirrored_shrunk_face(scale: int, sample_faces: np.ndarray):
    noise = np.random.default_rng(scale).integers(0, 256, (200, 128, 128, 3), dtype=np.uint8)
    for image in (*_hard(128), *noise, *sample_faces):
        mirrored = np.ascontiguousarray(image[:, ::-1])
        assert np.array_equal(degrade(mirrored, scale), degrade(image, scale)[:, ::-1])


@pytest.mark.real
def test_shrinking_mirrored_real_faces_is_mirroring_shrunk_ones(real_data: Path):
    paths = sorted((real_data / "data" / "lfw-deepfunneled").rglob("*.jpg"))[::13][:1000]
    crops = np.stack([np.asarray(Image.open(path))[61:189, 61:189] for path in paths])
    assert len(crops) == 1000
    mirrored = degrade_all(np.ascontiguousarray(crops[:, :, ::-1]), [], "bicubic")
    assert np.array_equal(mirrored, degrade_all(crops, [], "bicubic")[:, :, ::-1])


def test_degrade_all_goes_by_name():
    images = _hard(128)
    ids = ["a", "b", "c", "d"]
    assert np.array_equal(degrade_all(images, ids, "bicubic")[1], degrade(images[1]))
    assert np.array_equal(
        degrade_all(images, ids, "realistic")[1], degrade_realistic(images[1], "b")
    )
    assert degrade_all(images[:0], [], "realistic").shape == (0, 16, 16, 3)
    assert degrade_all(images[:0], [], "bicubic", 4).shape == (0, 32, 32, 3)
    many = np.random.default_rng(1).integers(0, 256, (150, 64, 96, 3), dtype=np.uint8)
    assert np.array_equal(degrade_all(many, [], "bicubic"), [degrade(image) for image in many])
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
