"""Layers whose equations can be checked by themselves."""

import pytest
import torch

from baselines import masa_s, warp_s, wfen
from baselines._references import GRID, from_rows, neighbours, to_rows, transfer
from baselines._transformer import ChannelAttention


def _cells() -> torch.Tensor:
    return torch.arange(GRID * GRID).view(GRID, GRID)


def test_the_haar_transform_is_orthonormal():
    x = torch.randn(2, 3, 8, 8)
    low, high = wfen.haar(x)
    assert torch.allclose(wfen.inverse_haar(low, high), x, atol=1e-6)
    assert torch.allclose(low.square().sum() + high.square().sum(), x.square().sum())
    assert wfen.haar(torch.ones(1, 1, 4, 4))[1].abs().max() == 0


@pytest.mark.parametrize("side", [32, 64, 128])
def test_a_moved_image_is_brought_back(side: int):
    image, step = torch.rand(1, 2, side, side), side // GRID
    found = _cells().roll(-3, 0).flatten()[None]
    brought = from_rows(transfer(to_rows(image), neighbours(found)), side)
    # At the border a patch that lies half outside is the border's own, one cell further in.
    inner = (slice(4 * step, 26 * step), slice(step, 31 * step))
    moved = image.roll(-3 * step, 2)
    assert torch.allclose(brought[0, 0][inner], moved[0, 0][inner], atol=1e-6)


def test_neighbours_stay_in_their_image():
    found = torch.full((1, GRID * GRID), GRID * GRID)
    cells = neighbours(found)
    assert cells.min() == GRID * GRID
    assert set(cells.unique().tolist()) == {GRID * GRID + k for k in (0, 1, GRID, GRID + 1)}


def test_coarse_to_fine_finds_what_a_whole_search_finds():
    keys = torch.nn.functional.normalize(torch.randn(1, 2 * GRID * GRID, 144), dim=-1)
    place = GRID * GRID + _cells().roll((2, -1), (0, 1)).flatten()
    found = masa_s.search(keys[:, place], keys)
    # Blocks at the border point beyond it, where the roll came back on the other side.
    inner = (slice(8, 24), slice(8, 24))
    assert torch.equal(found.view(GRID, GRID)[inner], place.view(GRID, GRID)[inner])


def test_a_flow_of_nothing_leaves_the_image_and_one_cell_moves_it():
    image = torch.rand(1, 3, 128, 128)
    offsets = torch.zeros(1, 2, GRID, GRID)
    assert torch.allclose(warp_s.warp(image, offsets), image, atol=1e-5)
    offsets[:, 0] = 2 * 4 / 128
    moved = warp_s.warp(image, offsets)
    assert torch.allclose(moved[..., :120], image[..., 4:124], atol=1e-4)


@torch.no_grad()
def test_channels_attend_wherever_they_are_seen():
    torch.manual_seed(0)
    layer, x = ChannelAttention(8, 2), torch.randn(1, 8, 6, 6)
    weight = layer.qkv.get_parameter("1.weight")
    expected = layer(x).flip(-1)
    weight.copy_(weight.flip(-1))
    assert torch.allclose(layer(x.flip(-1)), expected, atol=1e-5)


@torch.no_grad()
def test_windows_do_not_see_each_other():
    torch.manual_seed(0)
    layer, x = wfen.WindowAttention(8, 2), torch.randn(1, 8, 16, 16)
    changed = x.clone()
    changed[..., :8, :8] += 1
    difference = (layer(changed) - layer(x)).abs().amax(1)[0]
    assert difference[:8, :8].min() > 0
    assert difference[8:].max() == difference[:8, 8:].max() == 0
