"""Cells: every pixel once, and mirrored faces in mirrored cells."""

import torch

from benchmark.memory.cells import CELLS, ERRORS, KNOWN, errors, known, whole


def _random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_the_errors_of_both_halves_are_the_whole():
    error = _random(3, 3, 128, 128)
    assert errors(error).shape == (CELLS, 3, ERRORS)
    assert torch.equal(whole(errors(error), errors(error.flip(3))), error)


def test_what_is_known_is_from_around_the_cell():
    lr, output = _random(2, 3, 16, 16), _random(2, 3, 128, 128)
    before = known(lr, output)
    assert before.shape == (CELLS, 2, KNOWN)
    assert (before[..., -1] == 1).all()
    output[:, :, 64:, :] += 1  # The lower half: cells of rows 8 to 15, and half of row 7's window.
    changed = (known(lr, output) != before).any(2).any(1).view(16, 8)
    assert not changed[:7].any()
    assert changed[7:].all()


def test_other_scales_are_looked_at_at_16():
    lr = _random(1, 3, 16, 16)
    output = _random(1, 3, 128, 128)
    larger = lr.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(known(larger, output), known(lr, output), atol=1e-6)
