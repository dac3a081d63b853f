"""The network: the same as ever by default, each part of it removable, references encoded once."""

import hashlib

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from baselines.msrnet.network import MSRNet, Parts
from baselines.msrnet.references import Encoded, Matcher
from baselines.msrnet.soft_matching import SoftGather
from benchmark.methods.method import variants
from benchmark.methods.patches import GRID, beyond
from benchmark.methods.registry import load_method
from benchmark.methods.resample import downsample, upsample
from benchmark.training.cost import count_macs
from faceref.errors import FaceRefError

PARTS = {
    "no-external": 1_349_843,
    "no-internal": 1_527_765,
    "no-exchange": 1_510_341,
    "no-dual-residual": 1_439_317,
    "no-remap": 1_536_085,
    "neutral-tone": 1_536_085,
    "no-confidence": 1_536_085,
    "no-detail": 1_535_508,
    "near": 1_536_085,
    "soft": 1_536_085,
    "added": 1_487_701,
    "attentive": 2_792_739,
    "attentive-no-external": 2_654_881,
}
"""Parameters of each variant."""


def _face(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    detail = upsample(torch.randn(1, 3, 64, 64), 2) * 0.08
    return (upsample(torch.rand(1, 3, 16, 16), 8) + detail).clamp(0, 1)


def _small(hr: torch.Tensor) -> torch.Tensor:
    return downsample(hr, 8).clamp(0, 1).mul(255).round().div(255)


def _shaken(parts: Parts | None = None) -> MSRNet:
    """A network whose every weight counts: layers that start at zero are moved off it."""
    torch.manual_seed(0)
    model = MSRNet(parts=parts).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return model


def _inputs(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    lr = torch.rand(2, 3, 16, 16, generator=generator)
    noise = torch.rand(2, count, 3, 128, 128, generator=generator)
    return lr, (0.7 * upsample(lr, 8)[:, None] + 0.3 * noise).clamp(0, 1)


def test_weights_of_earlier_trainings_fit():
    torch.manual_seed(0)
    state = MSRNet().state_dict()
    text = "\n".join(f"{name} {tuple(weights.shape)}" for name, weights in state.items())
    assert hashlib.sha256(text.encode()).hexdigest().startswith("8b944b2797f18098")
    start = sum(weights.double().abs().sum().item() for weights in state.values())
    assert start == pytest.approx(23651.24447, abs=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, [0.50785, 0.240249, 0.926943, 0.53181]),
        (1, [0.496054, 0.303663, 1.007971, 0.651789]),
        (4, [0.495961, 0.292763, 0.965721, 0.560679]),
    ],
)
def test_outputs_are_those_of_earlier_trainings(count: int, expected: list[float]):
    lr, refs = _inputs()
    output = _shaken()(lr, refs[:, :count])
    found = [output.mean(), output.std(), output[1, 2, 77, 13], output[0, 0, 5, 120]]
    assert torch.stack(found).tolist() == pytest.approx(expected, abs=2e-5)


def test_each_part_has_its_variant_and_its_weights():
    method = load_method("msrnet")
    assert variants(method) == [f"msrnet-{name}" for name in PARTS]
    for name, count in PARTS.items():
        with FakeTensorMode():
            model = load_method(f"msrnet-{name}").build()
        assert sum(parameter.numel() for parameter in model.parameters()) == count
    with pytest.raises(FaceRefError, match="Did you mean 'msrnet-no-remap'"):
        load_method("msrnet-no-remp")


@torch.no_grad()
@pytest.mark.parametrize("name", PARTS)
def test_each_part_changes_the_face(name: str):
    method = load_method(f"msrnet-{name}")
    torch.manual_seed(0)
    model, full, (lr, refs) = method.build().eval(), _shaken(), _inputs(2)
    refs = refs.flip(-1)  # What is alike then lies elsewhere.
    shaken = full.state_dict()
    for key, weights in model.state_dict().items():
        if key in shaken and weights.shape == shaken[key].shape:
            weights.copy_(shaken[key])
    changed = model(lr, refs)
    assert (changed - full(lr, refs)).abs().max() > 1e-3
    assert torch.isfinite(model(lr, refs[:, :0])).all()
    assert torch.equal(changed, model(lr, refs[:, :0])) != method.uses_references


@torch.no_grad()
def test_cells_within_reach_are_matched_and_no_others():
    torch.manual_seed(0)
    near, anywhere = Matcher(3), Matcher()
    anywhere.load_state_dict(near.state_dict())
    lr, other = torch.rand(1, 3, 16, 16), torch.rand(1, 2, 3, 16, 16)
    keys = near.describe(other.flatten(0, 1)).unflatten(0, (1, 2))
    best, cosine = near(lr, keys)
    free, highest = anywhere(lr, keys)
    cells = torch.arange(GRID * GRID)
    rows, columns = (best // GRID - cells // GRID).abs(), (best % GRID - cells % GRID).abs()
    assert torch.maximum(rows, columns).max() == 3
    inside = beyond(3)[cells, free].logical_not()
    assert 0 < inside.sum() < inside.numel()
    assert torch.equal(best[inside], free[inside])
    assert (cosine <= highest + 1e-6).all()


@torch.no_grad()
def test_soft_matching_weighs_all_cells_near():
    torch.manual_seed(0)
    keys = torch.nn.functional.normalize(torch.randn(1, 2, 1024, 8), dim=-1)
    query = torch.nn.functional.normalize(torch.randn(1, 1024, 8), dim=-1)
    rows = {32: torch.randn(1, 2, 1024, 5), 64: torch.randn(1, 2, 1024, 12)}
    gather = SoftGather()
    found = gather(Encoded(keys, rows, torch.randn(1, 2, 1024, 48)), query)
    row, column = 12, 30  # Lies in the upper right quarter of the grid: looks at rows 0 to 19.
    near = torch.tensor([[y < 20 and x >= 12 for x in range(32)] for y in range(32)]).flatten()
    cosine = (keys[0, :, near] @ query[0, row * 32 + column]).flatten()
    weight = torch.softmax(gather.sharpness.exp() * cosine, 0)
    expected = weight @ rows[32][0, :, near].flatten(0, 1)
    assert torch.allclose(found.features[32][0, :, row, column], expected, atol=1e-5)
    mean = weight @ keys[0, :, near].flatten(0, 1)
    cell = found.confidence[0, 0, row, column]
    assert cell == pytest.approx(float(mean @ query[0, row * 32 + column]), abs=1e-5)


@torch.no_grad()
def test_added_references_start_from_the_network_without_any():
    torch.manual_seed(0)
    model, (lr, refs) = MSRNet(parts=Parts(fusion="added", detail=False)).eval(), _inputs(2)
    alone = MSRNet(parts=Parts(external=False)).eval()
    alone.load_state_dict({key: model.state_dict()[key] for key in alone.state_dict()})
    assert torch.equal(model(lr, refs), alone(lr, refs))
    model.get_parameter("fusion.64.second.weight").fill_(0.1)
    assert not torch.allclose(model(lr, refs), alone(lr, refs), atol=1e-6)
    assert torch.equal(model(lr, refs[:, :0]), alone(lr, refs))


def test_a_part_must_be_known():
    with pytest.raises(FaceRefError, match="neutral"):
        Parts(tone="sepia")
    with pytest.raises(FaceRefError, match="added"):
        Parts(fusion="add")


@torch.no_grad()
@pytest.mark.parametrize("tone", ["face", "neutral", "own"])
def test_a_gallery_is_encoded_once(tone: str):
    model, (lr, refs) = _shaken(Parts(tone=tone)), _inputs(3)
    gallery = model.encode_references(refs.flatten(0, 1)[None])
    taken = gallery.take(torch.tensor([[0, 1, 2], [3, 4, 5]]))
    assert torch.allclose(model(lr, taken), model(lr, refs), atol=1e-5)
    assert torch.equal(model(lr, model.encode_references(refs)), model(lr, refs))


@pytest.mark.parametrize(
    ("name", "count", "giga"),
    [
        ("msrnet", 0, 1.485),
        ("msrnet", 5, 3.030),
        ("msrnet", 8, 3.923),
        ("msrnet-neutral-tone", 5, 3.030),
        ("msrnet-soft", 5, 3.881),
        ("msrnet-added", 5, 2.917),
        ("msrnet-attentive", 5, 3.323),
        ("msrnet-attentive-no-external", 0, 1.542),
    ],
)
def test_cost_stays_within_ten_giga_macs(name: str, count: int, giga: float):
    with FakeTensorMode():
        model = load_method(name).build().eval()
        macs = count_macs(model, torch.rand(1, 3, 16, 16), torch.rand(1, count, 3, 128, 128))
    assert macs / 1e9 == pytest.approx(giga, abs=5e-4)
    assert macs <= 10e9


def test_an_encoded_gallery_spares_its_cost():
    with FakeTensorMode():
        model, refs = MSRNet(parts=Parts(tone="neutral")).eval(), torch.rand(1, 5, 3, 128, 128)
        encoded = model.encode_references(refs)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.rand(1, 3, 16, 16), encoded)
    macs = counter.get_total_flops() // 2
    assert macs / 1e9 == pytest.approx(2.297, abs=5e-4)


@torch.no_grad()
def test_the_target_as_reference_is_found_again_by_construction():
    torch.manual_seed(0)
    model, hr = MSRNet(), _face()
    lr = _small(hr)
    plain = (model(lr, hr[:, None][:, :0]) - hr).pow(2).mean()
    oracle = (model(lr, hr[:, None]) - hr).pow(2).mean()
    assert 10 * torch.log10(plain / oracle) > 5


@torch.no_grad()
def test_an_unlike_reference_does_less_than_the_target():
    torch.manual_seed(0)
    model, hr = MSRNet(), _face()
    lr = _small(hr)
    gates = []
    for reference in (hr, _face(5)):
        external = model._external(lr, reference[:, None])
        assert external is not None
        assert external.gate is not None
        gates.append(external.gate.mean().item())
    assert gates[0] > 0.8
    assert gates[1] < 0.1
