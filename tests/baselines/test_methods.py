"""Every method of the registry, present and future, is held to the contract.

Large sizes share their code with a small one, and are only ever built as shapes; esrgan_s is
rrdbnet_s with another loss.
"""

import functools
import importlib
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.methods.method import Method, variants
from benchmark.methods.registry import built_in as names
from benchmark.methods.registry import load_method
from benchmark.methods.resample import downsample, upsample
from benchmark.training.cost import count_macs
from faceref.errors import FaceRefError
from tests.baselines.sizes import SIZES

LARGE = ("ctcnet", "esrgan_s", "fsrnet", "rcan", "rrdbnet", "sparnet", "swinir", "vdsr", "wfen")
SMALL = [name for name in names() if name not in LARGE]
TRAINED = [name for name in SMALL if load_method(name).trained]
GUIDED = [name for name in SMALL if load_method(name).uses_references]
STEPS = 12


def _inputs(batch: int = 2, references: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """LR faces, references and HR faces that have something to do with each other."""
    torch.manual_seed(0)
    hr = upsample(torch.rand(batch, 3, 16, 16), 8) + 0.1 * torch.randn(batch, 3, 128, 128)
    hr = hr.clamp(0, 1)
    refs = hr.roll(1, 0).unsqueeze(1).repeat(1, references, 1, 1, 1)
    refs = (refs + 0.1 * torch.randn_like(refs)).clamp(0, 1)
    return downsample(hr, 8).clamp(0, 1), refs, hr


@functools.cache
def _built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return load_method(name).build().eval()


@functools.cache
def _output(name: str) -> Tensor:
    """Of two faces with three references each."""
    with torch.no_grad():
        return _built(name)(*_inputs()[:2])


@dataclass
class Training:
    """What a few steps on one face with two references came to."""

    model: nn.Module
    losses: list[float]
    moved: set[str]
    """Parameters that had a gradient."""


@functools.cache
def _training(name: str) -> Training:
    torch.manual_seed(0)
    model, (lr, refs, hr) = load_method(name).build(), _inputs(1, 2)
    found = Training(model, [], set())
    optimiser = torch.optim.Adam(model.parameters(), 3e-4)
    for _ in range(STEPS):
        loss = (model(lr, refs) - hr).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.losses.append(loss.item())
        # Layers that start at zero block the gradient of what is before them for a step.
        found.moved |= {
            name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()
        }
    model.eval()
    return found


@pytest.mark.parametrize("name", names())
def test_the_file_names_its_source(name: str):
    method = load_method(name)
    text = importlib.import_module(f"baselines.{name}").__doc__ or ""
    for part in ("Origin:", "Code licence:"):
        assert part in text
    assert method.paper
    assert method.title


@pytest.mark.parametrize("name", names())
def test_size_and_cost_are_as_known(name: str):
    method = load_method(name)
    # On a GPU that need not be there: what a network computes on the CPU beside it is an error.
    with FakeTensorMode():
        with torch.device("cuda"):
            model = method.build().eval()
            given = torch.rand(2, 3, 16, 16), torch.rand(2, 8, 3, 128, 128)
        costs = [
            _macs(method, model, *given, count) for count in ((0, 5) if name in GUIDED else (5,))
        ]
        output = model(*given)
    assert output.device.type == "cuda"
    size = (sum(parameter.numel() for parameter in model.parameters()), costs[0], costs[-1])
    assert size == SIZES.get(name), f"pin in tests/baselines/sizes.py: {name!r}: Size{size}"
    assert (size[0] > 0) == method.trained
    assert output.shape == (2, 3, 128, 128)


def _macs(method: Method, model: nn.Module, lr: Tensor, refs: Tensor, count: int) -> int:
    if count == 0 and method.needs_references:
        return 0
    return count_macs(model, lr[:1], refs[:1, :count])


@pytest.mark.parametrize("name", SMALL)
def test_output_is_a_face(name: str):
    output = _output(name)
    assert output.shape == (2, 3, 128, 128)
    assert output.dtype == torch.float32
    assert -0.5 < output.min() < output.max() < 1.5


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_every_scale_that_a_method_names_gives_a_face(name: str):
    for scale in set(load_method(name).scales) - {8}:
        lr = torch.rand(1, 3, 128 // scale, 128 // scale)
        assert _built(name)(lr, torch.rand(1, 1, 3, 128, 128)).shape == (1, 3, 128, 128)


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_no_reference_will_do_or_is_an_error(name: str):
    lr, refs, _ = _inputs(1)
    if load_method(name).needs_references:
        with pytest.raises(FaceRefError, match="--references 1"):
            _built(name)(lr, refs[:, :0])
    else:
        difference = (_built(name)(lr, refs[:, :0]) - upsample(lr, 8)).abs().mean()
        assert difference < 0.03, "a method starts near bicubic"


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_references_count_where_the_method_says_so(name: str):
    lr, refs, _ = _inputs()
    changed = not torch.equal(_output(name), _built(name)(lr, refs.flip(-1) * 0.5))
    assert changed == load_method(name).uses_references


@torch.no_grad()
@pytest.mark.parametrize(
    "name", [name for name in GUIDED if load_method(name).most_references != 1]
)
def test_the_order_of_references_does_not_matter(name: str):
    lr, refs, _ = _inputs()
    shuffled = _built(name)(lr, refs[:, [2, 0, 1]])
    assert torch.allclose(_output(name), shuffled, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_the_size_of_the_batch_does_not_matter(name: str):
    lr, refs, _ = _inputs()
    alone = _built(name)(lr[1:], refs[1:])
    assert torch.allclose(_output(name)[1:], alone, atol=2e-5)


@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_of_one_batch_falls(name: str):
    losses = _training(name).losses
    assert min(losses[-3:]) < 0.99 * losses[0]


@pytest.mark.parametrize("name", TRAINED)
def test_every_parameter_learns(name: str):
    training = _training(name)
    assert {key for key, _ in training.model.named_parameters()} - training.moved == set()


@torch.no_grad()
@pytest.mark.usefixtures("native_bf16")
@pytest.mark.parametrize("name", TRAINED)
def test_bf16_is_within_a_twentieth_of_a_decibel(name: str):
    """After some steps; of whole trainings see `test_learning`."""
    model, (lr, refs, hr) = _training(name).model, _inputs(1, 2)
    plain = model(lr, refs)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(lr, refs)
    assert not torch.equal(plain, rounded)
    ratio = (plain - hr).square().mean() / (rounded - hr).square().mean()
    assert abs(10 * torch.log10(ratio)) < 0.05


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name in GUIDED if name in TRAINED])
def test_references_may_be_more_or_fewer_than_in_training(name: str):
    model, (lr, refs, _) = _training(name).model, _inputs(1, 4)
    outputs = [model(lr, refs[:, :count]) for count in (0, 1, 4)]
    assert all(torch.isfinite(output).all() for output in outputs)
    spread = (outputs[2] - outputs[1]).abs().mean()
    assert 0 < spread < 0.1


@pytest.mark.parametrize("name", [v for each in names() for v in variants(load_method(each))])
def test_variants_can_be_built(name: str):
    method = load_method(name)
    assert method.name == name
    with FakeTensorMode():
        output = method.build().eval()(torch.rand(1, 3, 16, 16), torch.rand(1, 2, 3, 128, 128))
    assert output.shape == (1, 3, 128, 128)
