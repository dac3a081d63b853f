from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.msrnet.network import SCALE, MSRNet, Parts, References, turned_alike
from benchmark.methods.patches import downsample_references, from_rows
from benchmark.methods.registry import load_method
from benchmark.methods.resample import upsample


@cache
def _network() -> MSRNet:
    torch.manual_seed(0)
    return MSRNet().eval()


def _faces(count: int, seed: int = 0) -> Tensor:
    """Smooth faces with noise, of 256 levels."""
    drawn = torch.Generator().manual_seed(seed)
    smooth = upsample(torch.rand(count, 3, 16, 16, generator=drawn), 8)
    noise = 0.05 * torch.randn(count, 3, 128, 128, generator=drawn)
    return (smooth + noise).clamp(0, 1).mul(255).round().div(255)


@torch.no_grad()
def test_without_references_it_is_the_trunk():
    lr = torch.rand(2, 3, 16, 16)
    alone = _network()(lr, torch.zeros(2, 0, 3, 128, 128))
    assert torch.equal(alone, _network().trunk(lr).sr)


@torch.no_grad()
def test_a_reference_brings_the_error_that_the_network_makes_on_it():
    network, refs = _network(), _faces(3)
    studied = network.study(refs)
    alone = network(downsample_references(refs[None])[0], torch.zeros(3, 0, 3, 128, 128))
    again = alone + from_rows(studied.errors, 128) / SCALE
    assert torch.allclose(again, refs, atol=1e-5)


@torch.no_grad()
def test_without_the_error_a_reference_brings_its_detail():
    torch.manual_seed(0)
    studied = MSRNet(Parts(error=False)).eval().study(_faces(2))
    assert torch.equal(studied.errors, studied.detail)


@torch.no_grad()
def test_nothing_of_references_depends_on_training_mode_or_the_batch():
    network, refs = MSRNet(), _faces(3)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None:
            layer.running_mean.uniform_(-1, 1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    together = network.train().study(refs)
    assert network.trunk.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    alone = References.joined([network.eval().study(ref[None]) for ref in refs])
    assert torch.allclose(together.errors, alone.errors, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 2, 9, 64])
def test_any_order_of_any_number_of_references_gives_the_same(count: int):
    network, lr, refs = _network(), torch.rand(1, 3, 16, 16), _faces(count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1))
    one, other = (network(lr, each.unsqueeze(0)) for each in (refs, refs[order]))
    assert torch.allclose(one, other, atol=1e-5)
    assert torch.isfinite(one).all()


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 3])
def test_a_reference_that_is_given_twice_counts_once(count: int):
    network, lr, refs = _network(), torch.rand(1, 3, 16, 16), _faces(count)
    once, twice = (network(lr, each[None]) for each in (refs, torch.cat([refs, refs[:1]])))
    assert torch.allclose(once, twice, atol=1e-5)


@torch.no_grad()
def test_faces_of_a_batch_do_not_look_at_each_others_references():
    network, lr = _network(), torch.rand(3, 3, 16, 16)
    refs = torch.stack([_faces(2, seed) for seed in range(3)])
    together = network(lr, refs)
    alone = torch.cat([network(lr[n : n + 1], refs[n : n + 1]) for n in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)


@torch.no_grad()
def test_an_error_that_all_references_share_is_taken_off():
    """Each reference differs from what the network makes of it by the same faint image."""
    network = _network()
    shrunk = torch.rand(21, 3, 16, 16)
    made = network.trunk(shrunk).sr
    image = 0.05 * torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(2))
    output = network.trunk(shrunk)
    refs = network.references(output, made + image).take(torch.arange(1, 21))
    change = network.change(output.take(slice(1)), network.cells_of(output).take(slice(1)), refs)
    left = (change - image).square().mean() / image.square().mean()
    assert left < 0.4


def test_a_person_is_never_his_own_reference_in_training(monkeypatch: pytest.MonkeyPatch):
    people, seen = torch.tensor([0, 1, 0, 2, 1, 3]), []
    network = MSRNet()
    decoded = network._decoded

    def watched(*given: object) -> Tensor:
        seen.append(given[-1])
        return decoded(*given)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(network, "_decoded", watched)
    hr = _faces(6)
    for seed in range(4):
        torch.manual_seed(seed)
        network.training_outputs(torch.rand(6, 3, 16, 16), hr, people)
    same = people[:, None] == people[None]
    assert len(seen) == 4
    assert all((weight[same[:3]] == 0).all() and (weight.sum(1) > 0).all() for weight in seen)


@torch.no_grad()
def test_in_an_episode_a_face_does_not_see_its_own_error():
    """But for the trust, in which its error counts as one of those of its references."""
    network, hr = MSRNet(Parts(regression=False)).eval(), _faces(4)
    network.gather.sharpness.fill_(0.6)  # pyright: ignore[reportOptionalMemberAccess]
    output = network.trunk(torch.rand(4, 3, 16, 16))
    other = 1 - torch.eye(4)
    one = network.change_each_other(output, network.references(output, hr), other, slice(4))
    hr[0] = 1 - hr[0]
    two = network.change_each_other(output, network.references(output, hr), other, slice(4))
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])


def test_training_with_references_leaves_the_trunk_to_its_own_loss():
    torch.manual_seed(0)
    network, hr = MSRNet(), _faces(4)
    F.l1_loss(*network.episode(hr, torch.arange(4))).backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert not {name for name in moved if name.startswith("trunk")}
    assert {"describe.weight", "regression.near", "gather.describe.weight"} <= moved


@pytest.mark.parametrize("name", ["msrnet-no-internal", "msrnet-no-gather", "msrnet-no-summary"])
def test_variants_train(name: str):
    torch.manual_seed(0)
    network = load_method(name).build()
    assert isinstance(network, MSRNet)
    faces = _faces(4)
    pairs = network.training_outputs(torch.rand(4, 3, 16, 16), faces, torch.arange(4))
    assert [len(wanted) for _, wanted in pairs] == [4, 2]
    assert all(torch.isfinite(output - wanted).all() for output, wanted in pairs)


@torch.no_grad()
def test_references_look_where_the_face_looks():
    hr = _faces(2)
    lr = downsample_references(hr[None])[0]
    refs = torch.stack([hr, hr.flip(-1)], 1)
    assert torch.equal(turned_alike(lr, refs), torch.stack([hr, hr], 1))
    network, other = _network(), _faces(4, 5).unflatten(0, (2, 2))
    assert torch.equal(network(lr, other), network(lr, other.flip(-1)))
