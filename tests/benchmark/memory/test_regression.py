"""The regression finds what is there, leaves alone what is not, and adds up."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from benchmark.memory import regression
from benchmark.memory.cells import ERRORS, KNOWN
from benchmark.memory.regression import Sums, learn

CELLS = 16
"""Fewer than the 128 of half a face: cells are learnt independently."""


@pytest.fixture(scope="module", autouse=True)
def _few_cells() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regression, "CELLS", CELLS)
        yield


def _sums(known: Tensor, errors: Tensor) -> Sums:
    found = Sums()
    found.add(known, errors)
    return found


def _known(count: int, seed: int) -> Tensor:
    found = torch.randn(CELLS, count, KNOWN, generator=torch.Generator().manual_seed(seed))
    found[..., -1] = 1
    return found


@pytest.fixture(scope="module")
def truth() -> Tensor:
    return torch.randn(CELLS, KNOWN, ERRORS, generator=torch.Generator().manual_seed(9)) / 16


def test_a_linear_error_is_learnt_and_taken_away(truth: Tensor):
    folds = [_sums(known, known @ truth) for known in (_known(400, seed) for seed in range(3))]
    found = learn(folds)
    assert found.share > 0.999
    assert found.strength.min() > 0.99
    assert (found.penalty == regression.PENALTIES[0]).all()
    assert torch.allclose(found.weights, truth, atol=0.01)


def test_where_nothing_can_be_learnt_the_cell_is_left_alone():
    """Errors that have nothing to do with what is known: whatever is learnt harms others."""
    noise = torch.Generator().manual_seed(1)
    folds = []
    for seed in range(2):
        known = _known(24, seed)
        sign = 1 if seed % 2 else -1  # The constant of one half of the people misleads the other.
        errors = torch.randn(CELLS, 24, ERRORS, generator=noise) / 4 + sign
        folds.append(_sums(known, errors))
    found = learn(folds)
    assert found.share < 0.01
    assert (found.strength == 0).float().mean() > 0.5
    assert (found.weights[found.strength == 0] == 0).all()


def test_the_gain_it_states_is_that_of_people_left_out(truth: Tensor):
    """The closed form must say what a second pass over the faces would find."""
    noise = torch.Generator().manual_seed(2)
    parts = [_known(60, seed) for seed in range(2)]
    errors = [x @ truth + torch.randn(CELLS, 60, ERRORS, generator=noise) for x in parts]
    folds = [_sums(*part) for part in zip(parts, errors, strict=True)]
    found = learn(folds)
    assert (found.penalty > regression.PENALTIES[0]).any()
    left = 0.0
    for rest, held in ((0, 1), (1, 0)):
        weights = regression._solve(folds[rest], found.penalty)
        made = found.strength[:, None, None] * (parts[held] @ weights)
        left += float((errors[held] - made).square().sum(dtype=torch.float64))
    assert left == pytest.approx(found.error - found.taken, rel=1e-3)


def test_sums_of_parts_add_up(truth: Tensor):
    known = _known(10, 0)
    whole = _sums(known, known @ truth)
    parts = [_sums(known[:, rows], known[:, rows] @ truth) for rows in (slice(4), slice(4, None))]
    added = parts[0] + parts[1]
    assert added.count == whole.count == 10
    assert torch.allclose(added.known, whole.known, atol=1e-3)
    assert torch.allclose((whole - parts[0]).both, parts[1].both, atol=1e-3)
    assert torch.allclose(added.error, whole.error)
