from pathlib import Path

import pytest
import torch

from baselines import _perceptual
from baselines._adversarial import Adversarial, relativistic
from benchmark.methods.registry import load_method
from faceref.errors import FaceRefError


def test_the_loss_falls_as_the_wanted_look_more_real():
    real, fake = torch.tensor([[2.0], [3.0]]), torch.tensor([[-2.0], [-1.0]])
    assert relativistic(real, fake) < 0.05
    assert relativistic(fake, real) > 3
    assert torch.isclose(relativistic(real, real + 5), relativistic(real + 1, real + 6))


def _faces() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hr = torch.rand(2, 3, 128, 128)
    return torch.nn.functional.avg_pool2d(hr, 3, 1, 1), hr


def test_the_discriminator_learns_and_judges_without_learning():
    torch.manual_seed(0)
    loss, (output, hr) = Adversarial(weight=1.0, ramp=1), _faces()
    output.requires_grad_()
    before = [p.clone() for p in loss.parameters()]
    first = loss(output, hr)
    taught = [p.grad.clone() for p in loss.parameters() if p.grad is not None]
    assert all(not torch.equal(a, b) for a, b in zip(before, loss.parameters(), strict=True))
    first.backward()
    assert output.grad is not None
    assert output.grad.abs().sum() > 0
    left = [p.grad for p in loss.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(taught, left, strict=True))
    for _ in range(12):
        last = loss(output.detach(), hr)
    assert last > first, "the images are told apart better and better"


def test_it_is_called_twice_before_the_gradient_is_computed():
    torch.manual_seed(0)
    loss, (output, hr) = Adversarial(weight=1.0, ramp=1), _faces()
    outputs = [output.clone().requires_grad_(), output.clone().requires_grad_()]
    (loss(outputs[0], hr) + loss(outputs[1], hr)).backward()
    gradients = [one.grad for one in outputs if one.grad is not None]
    assert len(gradients) == 2
    assert not torch.equal(*gradients), "the discriminator has learnt in between"


def test_the_share_grows_from_plain_l1():
    loss, (output, hr) = Adversarial(weight=1.0, ramp=4).eval(), _faces()
    plain = (output - hr).abs().mean()
    assert torch.isclose(loss(output, hr), plain)
    loss.calls += 2
    half = loss(output, hr) - plain
    loss.calls += 2
    assert torch.isclose(loss(output, hr) - plain, 2 * half, rtol=1e-4)


def test_a_loss_goes_on_where_it_stood(tmp_path: Path):
    torch.manual_seed(0)
    whole, (output, hr) = Adversarial(), _faces()
    whole(output, hr)
    taken = Adversarial()
    torch.save(whole.state_dict(), tmp_path / "loss.pt")
    taken.load_state_dict(torch.load(tmp_path / "loss.pt", weights_only=True))
    for _ in range(2):
        assert torch.allclose(whole(output, hr), taken(output, hr), atol=1e-7)
    for one, other in zip(whole.parameters(), taken.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


class _Distance(torch.nn.Module):
    """In place of LPIPS, whose weights are fetched: the mean squared difference of each pair."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, one: torch.Tensor, other: torch.Tensor, normalize: bool) -> torch.Tensor:
        assert normalize, "images are in [0, 1]"
        return self.weight * (one - other).square().mean((1, 2, 3), keepdim=True)


@pytest.mark.parametrize("name", ["sparnet_s-perceptual", "msrnet-perceptual"])
def test_lpips_counts_and_is_no_part_of_a_checkpoint(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_perceptual, "open_lpips", lambda net: (_Distance(), {}))
    torch.manual_seed(0)
    criterion = load_method(name).criterion
    assert criterion is not None
    loss, (output, hr) = criterion().eval(), _faces()
    output.requires_grad_()
    found = loss(output, hr)
    expected = (output - hr).abs().mean() + _perceptual.LPIPS * (output - hr).square().mean()
    assert torch.isclose(found, expected), "the discriminator does not count at first"
    found.backward()
    assert output.grad is not None
    assert output.grad.abs().sum() > 0
    assert set(loss.state_dict()) == set(Adversarial().state_dict())


def test_without_the_weights_of_lpips_it_is_said_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("torchmetrics")
    monkeypatch.setenv("FACEBENCH_WEIGHTS", str(tmp_path))
    criterion = load_method("sparnet_s-perceptual").criterion
    assert criterion is not None
    with pytest.raises(FaceRefError, match="facebench weights fetch alexnet-features"):
        criterion()
