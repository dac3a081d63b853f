"""Ridge regression in closed form, from sums that are added up batch by batch.

The sums take the same memory for ten faces as for millions, and those of parts of a pool may be
made apart and added. How well a regression does on people who were left out follows from their sums
alone, so no face is looked at twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.memory.cells import CELLS, ERRORS, KNOWN

PENALTIES = (0.001, 0.004, 0.02, 0.1, 0.4, 2.0)
"""Tried for each cell, times the number of faces."""
_OF_CONSTANT = 1e-6


class Sums:
    """Normal equations of each cell.

    Example:
        >>> from benchmark.memory.cells import CELLS, ERRORS, KNOWN
        >>> one, other = Sums(), Sums()
        >>> one.add(torch.ones(CELLS, 3, KNOWN), torch.zeros(CELLS, 3, ERRORS))
        >>> (one + other).count
        3
    """

    def __init__(self) -> None:
        self.known = torch.zeros(CELLS, KNOWN, KNOWN)
        self.both = torch.zeros(CELLS, KNOWN, ERRORS)
        self.error = torch.zeros(CELLS, dtype=torch.float64)
        """Squared error."""
        self.count = 0
        """Faces, those mirrored too."""

    def add(self, known: Tensor, errors: Tensor) -> None:
        """Add faces.

        Args:
            known: See `benchmark.memory.cells.known`, (CELLS, N, KNOWN).
            errors: See `benchmark.memory.cells.errors`, (CELLS, N, ERRORS).
        """
        turned = known.transpose(1, 2)
        self.known.baddbmm_(turned, known)
        self.both.baddbmm_(turned, errors)
        self.error += errors.square().sum((1, 2), dtype=torch.float64)
        self.count += known.shape[1]

    def __add__(self, other: Sums) -> Sums:
        return self._with(other, 1)

    def __sub__(self, other: Sums) -> Sums:
        return self._with(other, -1)

    def _with(self, other: Sums, sign: int) -> Sums:
        found = Sums.__new__(Sums)
        found.known = torch.add(self.known, other.known, alpha=sign)
        found.both = torch.add(self.both, other.both, alpha=sign)
        found.error = self.error + sign * other.error
        found.count = self.count + sign * other.count
        return found


@dataclass(frozen=True, eq=False)
class Learnt:
    """A regression, and what people who were left out say of it."""

    weights: Tensor
    """(CELLS, KNOWN, ERRORS), of half precision in float32, the strength in them."""
    penalty: Tensor
    """Of each cell, times the number of faces, (CELLS,)."""
    strength: Tensor
    """Of each cell, 0 to 1, (CELLS,): 0 where no correction helps."""
    error: float
    """Squared error of those people before, summed."""
    taken: float
    """How much of it the correction takes away."""

    @property
    def share(self) -> float:
        """`taken` as a share of `error`, 0 to 1."""
        return self.taken / self.error if self.error else 0.0


def learn(folds: list[Sums]) -> Learnt:
    """The regression on all `folds`, with penalty and strength that fit people who are left out.

    Args:
        folds: Sums of parts of a pool that share no person, at least two.

    Returns:
        The regression. With strength s a correction c of an error e leaves |e - s c|^2; the best s
        is c e / c c, cut to [0, 1], summed over people who were left out when c was learnt. A cell
        in which no penalty helps them has no correction.
    """
    total = sum(folds[1:], folds[0])
    best = torch.zeros(CELLS, dtype=torch.float64)
    strength, penalty = torch.zeros(CELLS), torch.full((CELLS,), PENALTIES[-1])
    found = torch.zeros(len(PENALTIES), 2, CELLS, dtype=torch.float64)
    for fold in folds:
        rest = total - fold
        for place, one in enumerate(PENALTIES):
            weights = _solve(rest, torch.full((CELLS,), one))
            found[place, 0] += _inner(weights, fold.both)
            found[place, 1] += _inner(weights, fold.known @ weights)
    for (cross, square), one in zip(found, PENALTIES, strict=True):
        share = torch.where(square > 0, cross / square.clamp(min=1e-30), square).clamp(0, 1)
        taken = 2 * share * cross - share**2 * square
        better = taken > best
        best = torch.where(better, taken, best)
        strength = torch.where(better, share.float(), strength)
        penalty = torch.where(better, torch.tensor(one), penalty)
    weights = _solve(total, penalty) * strength[:, None, None]
    rounded = weights.half().float()
    return Learnt(rounded, penalty, strength, float(total.error.sum()), float(best.sum()))


def _solve(sums: Sums, penalty: Tensor) -> Tensor:
    """Weights (CELLS, KNOWN, ERRORS); the constant is all but free."""
    ridge = (penalty * sums.count)[:, None].repeat(1, KNOWN)
    ridge[:, -1] = _OF_CONSTANT * sums.count
    factor = torch.linalg.cholesky(sums.known + torch.diag_embed(ridge))
    return torch.cholesky_solve(sums.both, factor)


def _inner(one: Tensor, other: Tensor) -> Tensor:
    """Sum of products by cell, (CELLS,)."""
    return (one * other).sum((1, 2), dtype=torch.float64)
