import numpy as np
import torch
from PIL import Image

from benchmark.degrade import degrade, enlarge
from benchmark.resample import downsample, matrix, upsample


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
    assert (enlarge(np.full((16, 16, 3), 77, np.uint8)) == 77).all()


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
