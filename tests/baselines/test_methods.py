"""Every method of the registry, present and future, is held to the contract."""

import pytest
import torch
from torch import nn

from benchmark.methods import Method, load, names
from benchmark.resample import downsample, upsample
from faceref.errors import FaceRefError

PARAMETERS = {
    "bicubic": 0,
    "nearest_reference": 0,
    "srcnn": 69_251,
    "edsr": 1_665_283,
    "msrnet": 1_536_085,
    # The paper's 665 K is for Y alone; RGB adds 2,306.
    "vdsr": 668_227,
    "vdsr_s": 168_227,
    "rcan": 15_740_067,
    "rcan_s": 2_120_019,
    "sparnet": 10_518_867,
    "sparnet_s": 2_008_623,
    "swinir": 12_047_911,
    "swinir_light": 1_007_532,
    "mean_reference": 0,
    "ttsr_s": 1_476_427,
    "masa_s": 1_766_699,
    "mrefsr_s": 1_527_078,
}
"""Known sizes: a change is either a mistake or a new entry in the changelog."""

LARGE = ("rcan", "sparnet", "swinir", "vdsr")
"""Published sizes that share their code with a smaller method, which is trained here for both."""


@pytest.fixture(params=names())
def method(request: pytest.FixtureRequest) -> Method:
    return load(request.param)


def _inputs(batch: int = 2, references: int = 3, seed: int = 0) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(seed)
    hr = upsample(torch.rand(batch, 3, 16, 16), 8) + 0.1 * torch.randn(batch, 3, 128, 128)
    hr = hr.clamp(0, 1)
    refs = hr.roll(1, 0).unsqueeze(1).repeat(1, references, 1, 1, 1)
    refs = (refs + 0.1 * torch.randn_like(refs)).clamp(0, 1)
    return downsample(hr, 8).clamp(0, 1), refs, hr


@pytest.fixture(params=[name for name in names() if name not in LARGE])
def trainable(request: pytest.FixtureRequest) -> Method:
    method = load(request.param)
    if not method.trained:
        pytest.skip(f"{method.name} has nothing to train")
    return method


def _build(method: Method) -> nn.Module:
    torch.manual_seed(0)
    return method.build()


def test_the_file_names_its_source(method: Method):
    import importlib

    text = importlib.import_module(f"baselines.{method.name}").__doc__ or ""
    for part in ("Origin:", "Code licence:"):
        assert part in text
    assert method.paper
    assert method.title


@torch.no_grad()
def test_output_is_a_face(method: Method):
    lr, refs, _ = _inputs()
    output = _build(method).eval()(lr, refs)
    assert output.shape == (2, 3, 128, 128)
    assert output.dtype == torch.float32
    assert -0.5 < output.min() < output.max() < 1.5


@torch.no_grad()
def test_any_number_of_references_will_do(method: Method):
    model, (lr, refs, _) = _build(method).eval(), _inputs(references=8)
    for count in (0, 1, 5, 8):
        if count == 0 and method.needs_references:
            with pytest.raises(FaceRefError, match="--references 1"):
                model(lr, refs[:, :0])
        else:
            assert model(lr, refs[:, :count]).shape == (2, 3, 128, 128)


@torch.no_grad()
def test_references_count_where_the_method_says_so(method: Method):
    model, (lr, refs, _) = _build(method).eval(), _inputs()
    changed = not torch.equal(model(lr, refs), model(lr, refs.flip(-1) * 0.5))
    assert changed == method.uses_references


@torch.no_grad()
def test_the_order_of_references_does_not_matter(method: Method):
    if not (method.trained and method.uses_references):
        pytest.skip(f"{method.name} does not learn from references")
    model, (lr, refs, _) = _build(method).eval(), _inputs(references=4)
    assert torch.allclose(model(lr, refs), model(lr, refs[:, [2, 0, 3, 1]]), atol=1e-5)


@torch.no_grad()
def test_faces_of_a_batch_do_not_mix(method: Method):
    model, (lr, refs, _) = _build(method).eval(), _inputs(batch=3)
    alone = model(lr[1:2], refs[1:2])
    assert torch.allclose(model(lr, refs)[1:2], alone, atol=1e-4)


def test_parameters_are_as_many_as_known(method: Method):
    count = sum(parameter.numel() for parameter in _build(method).parameters())
    assert (count > 0) == method.trained
    assert count == PARAMETERS.get(method.name, count)


def test_every_parameter_learns(trainable: Method):
    model, (lr, refs, hr) = _build(trainable), _inputs()
    # Two steps: layers that start at zero block the gradient of what is before them.
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(2):
        optimiser.zero_grad()
        (model(lr, refs) - hr).abs().mean().backward()
        optimiser.step()
    still = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert still == []


def test_one_batch_can_be_learnt(trainable: Method):
    model, (lr, refs, hr) = _build(trainable), _inputs(batch=1, references=1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for _ in range(25):
        loss = (model(lr, refs) - hr).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.97 * losses[0]


@torch.no_grad()
def test_trained_methods_start_near_bicubic(method: Method):
    if not method.trained:
        pytest.skip(f"{method.name} has nothing to train")
    lr, refs, _ = _inputs()
    difference = (_build(method).eval()(lr, refs[:, :0]) - upsample(lr, 8)).abs().mean()
    assert difference < 0.03
