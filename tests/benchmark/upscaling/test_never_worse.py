"""At no size is a face made worse than bicubic upsampling makes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.metrics.batch import score_batch
from benchmark.training.export import pretrained
from benchmark.upscaling.faces import FaceUpscaler, upscale_photo
from benchmark.upscaling.networks import LIMITS, open_networks
from benchmark.upscaling.paste import upsample_image
from faceref.embed.align import ARCFACE, align
from faceref.mining.gallery import Gallery
from reports.scripts.upscale_sizes import DAMAGES, Known, damaged, frames, photo, tile


@pytest.fixture(scope="module")
def upscaler(tiny_build: Path) -> FaceUpscaler:
    """The networks that come with the package, without references."""
    device = torch.device("cpu")
    return FaceUpscaler(open_networks(pretrained(), 0, device), Gallery(tiny_build), device)


@pytest.mark.case("B6")
@pytest.mark.parametrize("size", [12, 16, 24, 32, 48, 64, 96])
def test_no_face_is_worse_than_bicubic(upscaler: FaceUpscaler, sample_faces: np.ndarray, size: int):
    rng = np.random.default_rng(0)
    given = sample_faces[::8]
    one = photo([tile(face, ARCFACE.template, size, rng) for face in given])
    finder: Any = Known(one.points)
    result, faces = upscale_photo(one.image, upscaler, finder, 4)
    plain = upsample_image(one.image, 4)
    ours, bicubic = (
        score_batch(frames(image, one.points, 4), given)["psnr_y"] for image in (result, plain)
    )
    if size <= LIMITS[4]:
        assert {face.scale for face in faces} == {8 if size <= LIMITS[8] else 4}
        assert (ours > bicubic).all()
    else:
        assert all(face.left_alone == f"{size} px: sharp already" for face in faces)
        assert np.array_equal(result, plain)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("size", [16, 32, 96])
def test_nor_where_photographs_have_noise_or_artefacts(
    upscaler: FaceUpscaler, sample_faces: np.ndarray, size: int, damage: str
):
    rng = np.random.default_rng(0)
    given = sample_faces[::8]
    clean = photo([tile(face, ARCFACE.template, size, rng) for face in given])
    one = damaged(clean, damage, rng)
    finder: Any = Known(one.points)
    result, _ = upscale_photo(one.image, upscaler, finder, 4, one.steps)
    ours, bicubic = (
        score_batch(frames(image, one.points, 4), given)["psnr_y"].mean()
        for image in (result, upsample_image(one.image, 4))
    )
    assert ours > bicubic


def test_a_tile_has_the_face_where_its_landmarks_are(sample_faces: np.ndarray):
    one = tile(sample_faces[0], ARCFACE.template, 100, np.random.default_rng(1))
    face = align(one.image, one.points[0], ARCFACE.template)[0]
    assert float(score_batch(face[None], sample_faces[:1])["psnr_y"][0]) > 30
