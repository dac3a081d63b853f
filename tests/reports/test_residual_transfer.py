"""Residuals of references, brought over to a face: what must come back, and what must not."""

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.bicubic import METHOD
from reports.scripts.residuals import Corrector, describe, inputs, outputs, transfer
from tests.benchmark.studies.test_patch_oracle import _images


@pytest.fixture(scope="module")
def done() -> tuple[Tensor, Tensor]:
    """Four images that bicubic enlarged, and what it missed."""
    found = outputs(METHOD.build(), torch.from_numpy(_images(4)))
    return found.images, found.residual


def test_outputs_and_residuals_are_the_sharp_faces(done: tuple[Tensor, Tensor]):
    sharp = torch.from_numpy(_images(4)).permute(0, 3, 1, 2).float() / 255
    assert torch.allclose(done[0] + done[1], sharp, atol=1e-6)
    assert float(done[1].std()) > 0.02


def test_the_target_gives_its_own_residual_back(done: tuple[Tensor, Tensor]):
    images, residual = done
    hard, _, cosine = transfer(images[0], images, residual)
    assert torch.allclose(hard, residual[0], atol=1e-5)
    assert float(cosine.min()) > 0.999


def test_the_order_of_references_does_not_matter(done: tuple[Tensor, Tensor]):
    images, residual = done
    one = transfer(images[0], images[1:], residual[1:])
    other = transfer(images[0], images[1:].flip(0), residual[1:].flip(0))
    for here, there in zip(one, other, strict=True):
        assert torch.allclose(here, there, atol=1e-6)


def test_strangers_tell_nothing_of_noise(done: tuple[Tensor, Tensor]):
    images, residual = done
    hard, soft, _ = transfer(images[0], images[1:], residual[1:])
    for carried in (hard, soft):
        together = np.corrcoef(carried.flatten(), residual[0].flatten())[0, 1]
        assert abs(together) < 0.05
    assert float(soft.std()) < float(hard.std())


def test_residuals_are_scaled_by_contrast(done: tuple[Tensor, Tensor]):
    images, residual = done[0][:1], done[1][:1]
    level = images.mean((-2, -1), keepdim=True)
    hard, _, _ = transfer(images[0], level + 0.5 * (images - level), 0.5 * residual)
    inside = (slice(None), slice(16, 112), slice(16, 112))  # Borders see the padding.
    assert torch.allclose(hard[inside], residual[0][inside], atol=1e-4)


def test_descriptors_do_not_see_the_tone(done: tuple[Tensor, Tensor]):
    plain, _ = describe(done[0])
    brighter, _ = describe(done[0] + 0.1)
    assert torch.allclose(plain[:, 500], brighter[:, 500], atol=1e-4)


def test_the_corrector_starts_as_no_correction(done: tuple[Tensor, Tensor]):
    images, residual = done
    given = inputs(images[0], *transfer(images[0], images[1:], residual[1:]))
    assert given.shape == (Corrector.INPUTS, 128, 128)
    model = Corrector()
    assert torch.equal(model(given[None]), torch.zeros(1, 3, 128, 128))
    assert sum(p.numel() for p in model.parameters()) == 47_652
