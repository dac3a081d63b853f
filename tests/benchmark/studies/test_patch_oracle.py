"""Detail copied from references: what each way of choosing must find."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.data.faces import Faces
from benchmark.protocol.degradation import degrade_all, upsample_bicubic
from benchmark.studies.patch_oracle import copied_patches
from benchmark.studies.study import CHOICES
from faceref.dataset.pool import Pool


def _images(count: int, seed: int = 0) -> np.ndarray:
    """Smooth random images with detail, uint8 (N, 128, 128, 3)."""
    rng = np.random.default_rng(seed)
    waves = np.sin(2 * np.pi * (0.8 * np.arange(128)[:, None] / 128 + rng.random((count, 1, 2))))
    coarse = 125 + 50 * waves[:, :, None, :1] * waves[:, None, :, 1:]
    return (coarse + rng.normal(0, 12, (count, 128, 128, 3))).clip(0, 255).astype(np.uint8)


def _faces(hr: np.ndarray, pool: np.ndarray) -> Faces:
    ids = [f"{place}" for place in range(len(hr))]
    lr = degrade_all(hr, ids, "bicubic", 8)
    return Faces(ids, hr, lr, [[0]] * len(hr), Pool(pool, {}))


def _gains(faces: Faces, references: list[list[int]], count: int) -> dict[str, list[float]]:
    done: list[int] = []
    found = copied_patches(faces, references, "random", count, done.append)
    assert done == list(range(1, len(faces) + 1))
    assert [one.choice for one in found] == list(CHOICES)
    return {one.choice: one.psnr_y for one in found}


def test_the_target_as_reference_is_copied_whole():
    hr = _images(2)
    found = _gains(_faces(hr, hr), [[0], [1]], 1)
    assert min(*found["place"], *found["hr"]) > 30
    # The small reference is rounded once more, which moves the choice of a few blocks.
    assert min(found["lr"]) > 10


def test_only_the_sharp_face_finds_detail_that_lies_elsewhere():
    hr = _images(1)
    moved = np.roll(hr, (32, 48), (1, 2))
    flat = np.full_like(hr, 128)
    found = _gains(_faces(hr, np.concatenate([flat, moved])), [[0, 1]], 2)
    # Blocks at the seam have no likeness in the moved image.
    assert found["hr"][0] > 3
    assert found["place"][0] < 0.1


def test_strangers_hold_less_than_the_oracle_makes_of_more_of_them():
    faces = _faces(_images(3), _images(5, seed=1))
    one, five = (_gains(faces, [list(range(5))] * 3, count) for count in (1, 5))
    assert np.mean(five["hr"]) > np.mean(one["hr"]) > 0.5
    for found in (one, five):
        assert np.mean(found["hr"]) > np.mean(found["lr"]) + 0.3


def test_detail_that_is_half_as_strong_is_doubled():
    hr = _images(2)
    soft = np.stack(
        [upsample_bicubic(small) for small in degrade_all(hr, ["0", "1"], "bicubic", 8)]
    )
    half = np.rint((soft.astype(float) + hr) / 2).astype(np.uint8)
    found = copied_patches(_faces(hr, half), [[0], [1]], "random", 1, lambda _: None)
    for one in found[1:]:
        assert one.gain == pytest.approx(2, abs=0.15)
        assert min(one.psnr_y) > 5
