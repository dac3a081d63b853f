"""Tone, matching and rows of references."""

import pytest
import torch

from baselines.msrnet.references import Matcher, to_neutral
from benchmark.methods.patches import downsample_references, from_rows, remap, to_rows


@pytest.mark.parametrize(("channels", "side"), [(5, 32), (3, 64), (2, 128)])
def test_rows_and_images_are_the_same_thing(channels: int, side: int):
    image = torch.rand(2, channels, side, side)
    assert torch.equal(from_rows(to_rows(image), side), image)
    block = side // 32
    cell = to_rows(image)[1, 3 * 32 + 7].view(channels, block, block)
    assert torch.equal(cell, image[1, :, 3 * block : 4 * block, 7 * block : 8 * block])


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
    hr = torch.rand(2, 3, 128, 128)
    small = downsample_references(hr[:, None])
    refs, _ = remap(hr[:, None], small, small[:, 0])
    assert torch.allclose(refs[:, 0], hr, atol=2e-3)


def test_the_neutral_tone_is_one_tone():
    lr = torch.rand(3, 3, 16, 16) * torch.tensor([0.2, 0.5, 1.0]).view(3, 1, 1, 1)
    gain, shift = to_neutral(lr)
    neutral = lr * gain + shift
    assert torch.allclose(neutral.mean((-2, -1)), torch.full((3, 3), 0.5), atol=1e-4)
    assert torch.allclose(neutral.std((-2, -1)), torch.full((3, 3), 0.2), atol=1e-3)


@torch.no_grad()
def test_a_moved_reference_is_matched_where_it_went():
    torch.manual_seed(0)
    lr = torch.rand(1, 3, 16, 16)
    matcher = Matcher()
    best, cosine = matcher(lr, matcher.describe(lr.roll(3, -1))[:, None])
    cells = torch.arange(1024).view(32, 32)
    inner = (slice(8, 24), slice(8, 20))
    expected = cells.roll(-6, 1)[inner]
    assert (best.view(32, 32)[inner] == expected).float().mean() > 0.95
    assert cosine.view(32, 32)[inner].median() > 0.98
