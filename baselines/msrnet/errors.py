"""What references say of the network's error on a face, from its errors on them.

Everything is on a grid of 32x32 cells of 4x4 pixels, as rows (N, 1024, C); errors have 48 values a
cell. Faces are aligned, so a cell is compared with the cells near it. `weight` (N, M) says which of
M references each of N faces has, 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.methods.patches import GRID

ERRORS = 48
COARSE = 4
"""Side in cells of the parts in which a regression is the same at first."""
FOLDS = 8
"""Parts of the references that are left out in turn, to see how far the rest predicts them."""
AROUND = 4
"""Cells around its own in which it is looked how far errors are predicted."""
_MOST = 2.0
"""What trust comes near to where little was predicted, and all of it right."""
_QUICK = 10.0
"""Numbers that are learnt as logarithms move so many times faster than weights."""
_NEVER = -1e30
"""Logit of a reference that a face has not. However alike it is: it may be the face itself."""


@dataclass(frozen=True)
class Expected:
    """What a regression expects."""

    errors: Tensor
    """(N, 1024, 48), made smaller by `trust`."""
    trust: Tensor
    """How far errors on other references are predicted around a cell, (N, 1024, 1)."""
    doubt: Tensor
    """How far from all references a cell is, in [0, 1]: 1 where nothing is known. (N, 1024, 1)."""

    def take(self, which: slice) -> Expected:
        """For some of the faces."""
        return Expected(self.errors[which], self.trust[which], self.doubt[which])


class Regression(nn.Module):
    """From features of a cell to the error in it, fitted to the references in closed form.

    For each cell one Bayesian linear regression (after Bertinetto et al., ICLR 2019), whose prior
    is the regression of the 4x4 cells around, whose prior is zero. Precisions of both priors are
    learnt. They do not depend on K: more references are trusted more, by themselves. And what is
    predicted is tried on references that are left out: it counts as far as it is right there.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        near, far = torch.full((features + 1,), 30.0), torch.full((features + 1,), 480.0)
        near[0], far[0] = 15.0, 100.0
        self.near = nn.Parameter(near.log() / _QUICK)
        """Log precision of a cell's regression about that of its part."""
        self.far = nn.Parameter(far.log() / _QUICK)
        """Log precision of a part's regression about zero."""
        self.evidence = nn.Parameter(torch.tensor(0.14))
        """Log of how much must be predicted before it counts."""
        self.belief = nn.Parameter(torch.tensor(-0.2))
        """What is believed before: a sigmoid of it."""

    def forward(self, face: Tensor, refs: Tensor, errors: Tensor, weight: Tensor) -> Expected:
        """Features `face` (1, 1024, D), `refs` (M, 1024, D), their `errors` (M, 1024, 48).

        References of `weight` (1, M) 0 do not count.
        """
        with torch.autocast(face.device.type, enabled=False):
            face, refs, errors = _cells_first(face, refs, errors)
            found, doubt = self._fit(face.unsqueeze(1), refs, errors, weight)
            tried = self._left_out(refs, errors, weight)
            return self._expected(found.squeeze(1), doubt.squeeze(1), *tried)

    def each_other(self, faces: Tensor, errors: Tensor, weight: Tensor) -> Expected:
        """The same for N faces that are each other's references, with features (N, 1024, D).

        `weight` (N, N) is 1 where a face has another as reference. In place of leaving references
        out, what is predicted of each of them from its own ones is tried: on as many as in use, so
        that trust is learnt as uncertain as it is.
        """
        with torch.autocast(faces.device.type, enabled=False):
            _, faces, errors = _cells_first(faces[:0], faces, errors)
            found, doubt = self._fit(faces.unsqueeze(2), faces, errors, weight)
            found = found.squeeze(2)
            right = (found * errors).sum(-1, keepdim=True)
            size = found.square().sum(-1, keepdim=True)
            tried = weight * (weight.sum(1, keepdim=True) > 1)
            return self._expected(found, doubt.squeeze(2), tried @ right, tried @ size)

    def _expected(self, found: Tensor, doubt: Tensor, right: Tensor, size: Tensor) -> Expected:
        """`found` (1024, N, 48); sums over left-out references, (1024, N, 1)."""
        right, size = _around(right), _around(size)
        known = (_QUICK * self.evidence).exp()
        trust = (right + known * torch.sigmoid(_QUICK * self.belief)) / (size + known)
        trust = trust.clamp(min=0)
        trust = trust * (1 + (trust / _MOST).pow(4)).pow(-0.25)
        parts = (part.transpose(0, 1) for part in (found * trust, trust, doubt))
        return Expected(*parts)

    def _left_out(self, refs: Tensor, errors: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted times true errors, and predicted ones squared, summed: both (1024, 1, 1)."""
        right, size = errors.new_zeros(2, refs.shape[0], 1, 1)
        count = refs.shape[1]
        if count == 1:
            return right, size
        for fold in torch.arange(count, device=refs.device).tensor_split(min(FOLDS, count)):
            rest = weight.index_fill(1, fold, 0)
            found, _ = self._fit(refs[:, fold].unsqueeze(1), refs, errors, rest)
            found = found * weight[:, fold, None]
            right = right + (found.squeeze(1) * errors[:, fold]).sum((1, 2), keepdim=True)
            size = size + found.square().sum((2, 3))[..., None]
        return right, size

    def _fit(
        self, face: Tensor, refs: Tensor, errors: Tensor, counted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """For each of G groups a fit to the references that it counts, (G, M), and P faces of it.

        Cells first: `face` (1024, G, P, D), `refs` (1024, M, D), `errors` (1024, M, 48). Returns
        errors (1024, G, P, 48) and doubt (1024, G, P, 1).
        """
        near, far = (_QUICK * self.near).exp(), (_QUICK * self.far).exp()
        cells, groups, each, width = face.shape
        across = refs.transpose(1, 2).contiguous()
        weighed = (across.unsqueeze(1) * counted.unsqueeze(1)).flatten(1, 2)  # (1024, G D, M)
        gram = (weighed @ refs).view(cells, groups, width, width)
        target = (weighed @ errors).view(cells, groups, width, ERRORS)
        first = _spread(torch.linalg.solve(_parts(gram) + torch.diag(far), _parts(target)))
        dual = torch.linalg.solve(gram + torch.diag(near), face.transpose(-1, -2)).transpose(-1, -2)
        prior = (near * dual) @ first if each > 1 else _product(near * dual, first)
        shares = (dual.flatten(1, 2) @ across).view(cells, groups, each, -1)
        shares = shares * counted.unsqueeze(1)
        found = (shares.flatten(1, 2) @ errors).view(cells, groups, each, ERRORS)
        left, before = (face * dual).sum(-1, keepdim=True), face.square() / near
        return found + prior, left / before.sum(-1, keepdim=True)


def _product(rows: Tensor, tables: Tensor) -> Tensor:
    """`rows` (..., 1, D) times `tables` (..., D, C), quicker than many small products."""
    return (rows.transpose(-1, -2) * tables).sum(-2, keepdim=True)


def _cells_first(face: Tensor, refs: Tensor, errors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same in float32 with cells first; features get a first one that is always 1."""
    parts = (_with_one(face.float()), _with_one(refs.float()), errors.float())
    face, refs, errors = (part.transpose(0, 1).contiguous() for part in parts)
    return face, refs, errors


def _around(rows: Tensor) -> Tensor:
    """Means over the cells around: (1024, N, 1) to the same."""
    maps = rows.squeeze(-1).T.view(-1, 1, GRID, GRID)
    maps = F.avg_pool2d(maps, 2 * AROUND + 1, 1, AROUND, count_include_pad=False)
    return maps.flatten(1).T.unsqueeze(-1)


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(rows[..., :1]), rows], -1)


def _parts(rows: Tensor) -> Tensor:
    """Sums over parts of the grid: (1024, ...) to (64, ...)."""
    side = GRID // COARSE
    return rows.unflatten(0, (side, COARSE, side, COARSE)).sum((1, 3)).flatten(0, 1)


def _spread(parts: Tensor) -> Tensor:
    """(64, ...) to (1024, ...), smoothly: a cell lies between the middles of parts."""
    side = GRID // COARSE
    line = F.interpolate(
        torch.eye(side, device=parts.device).unsqueeze(0), scale_factor=COARSE, mode="linear"
    )[0]
    return (torch.kron(line.T.contiguous(), line.T.contiguous()) @ parts.flatten(1)).view(
        -1, *parts.shape[1:]
    )


class Gather(nn.Module):
    """A weighted mean of what lies near a cell's place in all references, by several heads."""

    def __init__(self, before: int, heads: int, reach: int, width: int = 16) -> None:
        super().__init__()
        near = range(-reach, reach + 1)
        self.heads, self.steps = heads, list(product(near, near))
        self.describe = nn.Linear(before, heads * width, bias=False)
        self.sharpness = nn.Parameter(torch.linspace(0, 3, heads) / _QUICK)
        """Log of each head's inverse temperature: the first is nearly a mean."""
        self.likeness = nn.Parameter(torch.linspace(0, 4, heads) / _QUICK)
        """What the likeness of the whole face counts beside that of the cell."""
        self.place = nn.Parameter(torch.zeros(heads, len(self.steps)))
        """What the step from the cell's own place counts."""

    def keys(self, rows: Tensor) -> Tensor:
        """Descriptors of cells: (N, 1024, before) to (N, 1024, heads, width), of length 1."""
        found = self.describe(rows).float().unflatten(-1, (self.heads, -1))
        return F.normalize(found, dim=-1, eps=1e-3)

    def forward(
        self, face: Tensor, refs: Tensor, values: Tensor, weight: Tensor, alike: Tensor
    ) -> Tensor:
        """Rows `face` (N, 1024, D), `refs` (M, 1024, D), `values` (M, 1024, V): one mean a head.

        `weight` (N, M) is 1 where a face has a reference, `alike` (N, M) how alike their LR faces.
        Returns (N, 1024, heads V).
        """
        rows = values.transpose(0, 1).contiguous()  # (1024, M, V)
        shares = self.shares(face, refs, weight, alike).to(rows.dtype)
        found = sum(
            share.flatten(1, 2) @ _shifted(rows, step)
            for share, step in zip(shares, self.steps, strict=True)
        )
        assert isinstance(found, Tensor)
        found = found.unflatten(1, (self.heads, -1)).permute(2, 0, 1, 3).flatten(2)
        return found * weight.any(1)[:, None, None]

    def shares(self, face: Tensor, refs: Tensor, weight: Tensor, alike: Tensor) -> Tensor:
        """What each step from a cell of each reference counts, (steps, 1024, heads, N, M).

        Over steps and references they sum up to 1.
        """
        query = (self.keys(face) * (_QUICK * self.sharpness).exp()[:, None]).permute(1, 2, 0, 3)
        query = query.flatten(0, 1)  # (1024 heads, N, W)
        keys = self.keys(refs).permute(1, 2, 3, 0).contiguous()  # (1024, heads, W, M)
        whole = _QUICK * self.likeness[:, None, None] * alike
        whole = whole.masked_fill(weight == 0, _NEVER)
        logits = torch.stack(
            [
                (query @ _shifted(keys, step).flatten(0, 1)).unflatten(0, (-1, self.heads))
                + (whole + self.place[:, place, None, None])
                for place, step in enumerate(self.steps)
            ]
        )
        # Steps and references side by side for one softmax, then steps first, contiguous: products
        # of matrices that lie strided cost several times as much.
        beside = logits.movedim(0, -2).flatten(-2)
        shares = torch.softmax(beside, -1).unflatten(-1, (len(self.steps), -1))
        return shares.movedim(-2, 0).contiguous()


def _shifted(rows: Tensor, step: tuple[int, int]) -> Tensor:
    """What lies a step down and right of each cell, at the border that: (1024, ...)."""
    if step == (0, 0):
        return rows
    down, right = step
    there = torch.arange(GRID, device=rows.device)
    there = ((there + down).clamp(0, GRID - 1) * GRID).unsqueeze(1) + (there + right).clamp(
        0, GRID - 1
    )
    return rows[there.flatten()]
