"""What networks learn, and what bf16 changes of it, on rendered people of the embedded sample."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from benchmark.methods.registry import load_method
from benchmark.methods.resample import downsample, upsample
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import to_uint8
from benchmark.training.export import open_weights
from faceref.sources.sample import sample

RELEASES = Path(__file__).resolve().parents[2] / "weights"
STEPS, OVER_BICUBIC = {"msrnet": 30, "sparnet_s": 45, "ttsr_s": 75}, 6.0
"""Steps on one face at most, and the PSNR over bicubic that they must come to, dB: a quarter of its
error. Where only the last layer of MSRNet learns, it stays below bicubic."""
EVERY = 5
"""Steps between two looks at what is learnt."""
ON_RELEASES = pytest.mark.parametrize(
    "file",
    sorted(RELEASES.rglob("*.safetensors")),
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)


@functools.cache
def _faces(count: int) -> Tensor:
    """So many sample faces, uint8 values in [0, 1], (N, 3, 128, 128)."""
    records = sample().records
    rows = np.linspace(0, len(records) - 1, count).round().astype(int)
    opened = [Image.open(io.BytesIO(records[row].data)).convert("RGB") for row in rows]
    images = np.stack([np.asarray(image.resize((128, 128))) for image in opened])
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 255


def _batch(count: int, references: int) -> tuple[Tensor, Tensor, Tensor]:
    """LR faces, as references the faces after each, and HR faces."""
    hr = _faces(count)
    refs = torch.stack([hr.roll(-shift, 0) for shift in range(1, references + 1)], 1)
    lr = downsample(hr, 8).clamp(0, 1).mul(255).round().div(255)
    return lr, refs, hr


def _psnr(one: Tensor, other: Tensor) -> float:
    return float(-10 * torch.log10(F.mse_loss(one.clamp(0, 1), other)))


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_one_batch_is_learnt_by_heart(name: str):
    torch.manual_seed(0)
    model, (lr, refs, hr) = load_method(name).build(), (part[:1] for part in _batch(2, 1))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5  # Its averages follow within few steps.
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    gained = 0.0
    for step in range(1, STEPS[name] + 1):
        loss = F.l1_loss(model(lr, refs), hr)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % EVERY == 0 or step == STEPS[name]:
            with torch.no_grad():
                gained = _psnr(model.eval()(lr, refs), hr) - _psnr(upsample(lr, 8), hr)
            if gained > OVER_BICUBIC:
                break
            model.train()
    assert gained > OVER_BICUBIC


@torch.no_grad()
@pytest.mark.usefixtures("native_bf16")
@ON_RELEASES
def test_bf16_costs_a_trained_network_less_than_a_twentieth_of_a_decibel(file: Path):
    model, (lr, refs, hr) = open_weights(file).model, _batch(8, 5)
    plain = model(lr, refs)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(lr, refs).float()
    target = to_uint8(hr.numpy())
    found = [score_batch(to_uint8(one.numpy()), target)["psnr_y"] for one in (plain, rounded)]
    change = np.abs(found[1] - found[0])
    assert change.mean() > 0
    assert abs(found[1].mean() - found[0].mean()) < 0.05


@torch.no_grad()
@ON_RELEASES
def test_a_face_comes_out_the_same_in_every_batch(file: Path):
    model, (lr, refs, _) = open_weights(file).model, _batch(4, 3)
    outputs = [
        torch.cat([model(*part) for part in zip(lr.split(size), refs.split(size), strict=True)])
        for size in (1, 3, 4)
    ]
    assert outputs[0].std() > 0.05
    for output in outputs[1:]:
        assert torch.allclose(output, outputs[0], atol=2e-5)
        assert (to_uint8(output.numpy()) != to_uint8(outputs[0].numpy())).mean() < 1e-3
