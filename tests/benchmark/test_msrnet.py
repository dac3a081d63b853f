import pytest
import torch

from benchmark.msrnet import Matcher, MSRNet, from_rows, remap, to_rows
from benchmark.resample import downsample, upsample


def _face(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    detail = upsample(torch.randn(1, 3, 64, 64), 2) * 0.08
    return (upsample(torch.rand(1, 3, 16, 16), 8) + detail).clamp(0, 1)


def _small(hr: torch.Tensor) -> torch.Tensor:
    return downsample(hr, 8).clamp(0, 1).mul(255).round().div(255)


@pytest.mark.parametrize(("channels", "side"), [(5, 32), (3, 64), (2, 128)])
def test_rows_and_pictures_are_the_same_thing(channels: int, side: int):
    picture = torch.rand(2, channels, side, side)
    assert torch.equal(from_rows(to_rows(picture), side), picture)
    block = side // 32
    cell = to_rows(picture)[1, 3 * 32 + 7].view(channels, block, block)
    assert torch.equal(cell, picture[1, :, 3 * block : 4 * block, 7 * block : 8 * block])


def test_remap_gives_a_reference_the_face_s_tone():
    lr, refs_lr = torch.rand(2, 3, 16, 16), torch.rand(2, 4, 3, 16, 16) * 0.4
    _, mapped = remap(torch.rand(2, 4, 3, 128, 128), refs_lr, lr)
    assert torch.allclose(
        mapped.mean((-2, -1)), lr.mean((-2, -1))[:, None].expand(2, 4, 3), atol=1e-4
    )
    assert torch.allclose(
        mapped.std((-2, -1)), lr.std((-2, -1))[:, None].expand(2, 4, 3), atol=1e-3
    )


def test_remap_leaves_the_face_itself_alone():
    hr = _face()
    refs, _ = remap(hr[:, None], _small(hr)[:, None], _small(hr))
    assert torch.allclose(refs[:, 0], hr, atol=2e-3)


@torch.no_grad()
def test_a_moved_reference_is_matched_where_it_went():
    torch.manual_seed(0)
    lr = torch.rand(1, 3, 16, 16)
    best, cosine = Matcher()(lr, lr.roll(3, -1)[:, None])
    cells = torch.arange(1024).view(32, 32)
    inner = (slice(8, 24), slice(8, 20))
    expected = cells.roll(-6, 1)[inner]
    assert (best.view(32, 32)[inner] == expected).float().mean() > 0.95
    assert cosine.view(32, 32)[inner].median() > 0.98


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
        gates.append(model._external(lr, reference[:, None]).gate.mean().item())
    assert gates[0] > 0.8
    assert gates[1] < 0.1
