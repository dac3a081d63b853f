"""MSRNet: x8 face super-resolution that learns from its own errors on other people's faces.

A documented reconstruction of "Face hallucination using multisource references and cross-scale dual
residual fusion mechanism" (Wang, Jian, Yu, Wang, Yang; Int. J. of Intelligent Systems 37(11), 2022,
doi 10.1002/int.23024). Only its abstract is public: that references of different identities guide
the network, external and internal ones are fused across scales and space, by dual residuals, with
no face prior and no alignment. All else here is our choice, above all that a reference brings the
error that the network makes on it: it is shrunk, super-resolved, and compared with itself.

`trunk.py` is the network of K = 0, `errors.py` what references say, `fusion.py` what is made of it,
`worlds.py` what it is trained on. What references change starts near zero and is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.msrnet.errors import ERRORS, Expected, Gather, Regression
from baselines.msrnet.fusion import Decoder, Given
from baselines.msrnet.trunk import WIDTHS, Output, Trunk
from baselines.msrnet.worlds import draw_references, draw_world, shrink
from benchmark.methods.patches import GRID, downsample_references, to_rows
from benchmark.methods.resample import upsample

FEATURES = 16
"""From which a regression predicts the error of a cell."""
HEADS = 4
REACH = 1
"""Cells around its own place in which a cell looks."""
VALUES = 16
"""Features that a reference brings beside its error."""
SCALE = 16.0
"""Errors times this are of the size of features."""
AT_A_TIME = 16
"""References that the trunk looks at together."""
TOGETHER = 80
"""References of several faces that are kept at once."""
_SAME = 1 - 1e-5
"""Correlation of LR faces from which on two references are the same image."""


@dataclass(frozen=True)
class Parts:
    """Which parts an MSRNet has: all by default."""

    internal: bool = True
    """Attention of the face to itself."""
    error: bool = True
    """The network's error on a reference; without, its high frequencies stand in its place."""
    summary: bool = True
    """Means of errors over all references, by place and over all places."""
    regression: bool = True
    """Errors are predicted by a regression that is fitted to the references."""
    gather: bool = True
    """Errors and features are gathered by attention."""
    worlds: bool = True
    """Trained in random worlds, too; without, only in that of the training set."""


@dataclass(frozen=True)
class Cells:
    """A face, or a reference, as rows of cells."""

    rows: Tensor
    """What describes a cell: (N, 1024, 115)."""
    lr: Tensor
    """The LR face, its mean taken out, of length 1: (N, 768)."""

    def take(self, which: slice | Tensor) -> Cells:
        """Some of the faces."""
        return Cells(self.rows[which], self.lr[which])


@dataclass(frozen=True)
class References:
    """References with what they bring."""

    cells: Cells
    errors: Tensor
    """(M, 1024, 48), times `SCALE`."""
    detail: Tensor
    """High frequencies, what the upsampled reference lacks: (M, 1024, 48)."""

    @classmethod
    def joined(cls, parts: Sequence[References]) -> References:
        """Those of all `parts`."""
        cells = Cells(
            torch.cat([p.cells.rows for p in parts]), torch.cat([p.cells.lr for p in parts])
        )
        return cls(
            cells, torch.cat([p.errors for p in parts]), torch.cat([p.detail for p in parts])
        )

    def once(self) -> Tensor:
        """1 for each, 0 for one that lies there before: left out, it would be known. (1, M)."""
        same = (self.cells.lr @ self.cells.lr.T > _SAME).triu(1)
        return (~same.any(0, keepdim=True)).float()

    def take(self, places: Tensor) -> References:
        """Those at `places`."""
        return References(self.cells.take(places), self.errors[places], self.detail[places])


class MSRNet(nn.Module):
    """The network. `parts` takes some of it away."""

    def __init__(self, parts: Parts = Parts()) -> None:
        super().__init__()
        self.parts = parts
        self.trunk = Trunk(parts.internal)
        width = WIDTHS[32] + ERRORS + 3
        self.describe = nn.Linear(width, FEATURES, bias=False)
        self.value = nn.Linear(width + ERRORS, VALUES)
        self.regression = Regression(FEATURES) if parts.regression else None
        self.gather = Gather(width, HEADS, REACH) if parts.gather else None
        heads = HEADS if parts.gather else 0
        self.decoder = Decoder(heads, VALUES, parts.regression, parts.summary)

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`. The order of the references does not matter."""
        output = self.trunk(lr)
        if refs.shape[1] == 0:
            return output.sr
        refs = turned_alike(lr, refs)
        cells, step = self.cells_of(output), max(1, TOGETHER // refs.shape[1])
        changes = []
        for n, studied in enumerate(self._studied(refs, step)):
            one = slice(n, n + 1)
            changes.append(self.change(output.take(one), cells.take(one), studied))
        return output.sr + torch.cat(changes)

    def _studied(self, refs: Tensor, step: int) -> Iterator[References]:
        """References (N, K, 3, 128, 128) of each face, looked at for `step` faces together."""
        for part in refs.split(step):
            studied = self.study(part.flatten(0, 1))
            places = torch.arange(part.shape[0] * part.shape[1], device=refs.device)
            for mine in places.split(part.shape[1]):
                yield studied.take(mine)

    @torch.no_grad()
    def study(self, refs: Tensor) -> References:
        """References (M, 3, 128, 128), super-resolved by the trunk as it is in use."""
        small = downsample_references(refs.unsqueeze(0))[0]
        training = self.trunk.training
        self.trunk.eval()
        found = [
            self.references(self.trunk(lr), hr)
            for lr, hr in zip(small.split(AT_A_TIME), refs.split(AT_A_TIME), strict=True)
        ]
        self.trunk.train(training)
        return References.joined(found)

    @torch.no_grad()
    def relevance(self, lr: Tensor, refs: Tensor) -> Tensor | None:
        """See `benchmark.Model.relevance`; None for a network that gathers nothing."""
        if self.gather is None or refs.shape[1] == 0:
            return None
        cells, maps = self.cells_of(self.trunk(lr)), []
        for n, studied in enumerate(self._studied(turned_alike(lr, refs), 1)):
            face, others = cells.take(slice(n, n + 1)), studied.cells
            alike = face.lr @ others.lr.T
            shares = self.gather.shares(face.rows, others.rows, torch.ones_like(alike), alike)
            maps.append(shares.sum(0).mean(1)[:, 0].T.unflatten(-1, (GRID, GRID)))
        return torch.stack(maps)

    def training_outputs(
        self, lr: Tensor, hr: Tensor, people: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """See `benchmark.methods.method.Method`: of the trunk, and of the rest in an episode."""
        return [(self.trunk(lr).sr, hr), self.episode(hr, people)]

    def episode(self, hr: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
        """HR faces (N, 3, 128, 128), brought into a world, with others of them as references.

        The trunk, as it is in use, looks at them once, and does not learn. All are references, and
        the first half learns what to make of them, as that takes most of the time. Returns what is
        made of that half, and its HR faces.
        """
        if self.parts.worlds:
            hr = draw_world(hr.device)(hr)
        training = self.trunk.training
        self.trunk.eval()
        with torch.no_grad():
            output = self.trunk(shrink(hr))
            refs = self.references(output, hr)
        self.trunk.train(training)
        other = (people[:, None] != people[None]).float()
        half = slice(0, (len(hr) + 1) // 2)
        change = self.change_each_other(output, refs, draw_references(other), half)
        return output.sr[half] + change, hr[half]

    def references(self, output: Output, hr: Tensor) -> References:
        """Faces that the trunk looked at, with their HR faces (M, 3, 128, 128), as references."""
        detail = to_rows((hr - output.base) * SCALE)
        errors = to_rows((hr - output.sr) * SCALE) if self.parts.error else detail
        return References(self.cells_of(output), errors, detail)

    def cells_of(self, output: Output) -> Cells:
        """A face as rows of cells."""
        features = output.features[32]
        size = features.float().square().mean((1, 2, 3), keepdim=True).add(1e-6).rsqrt()
        detail = (output.sr - output.base) * SCALE
        parts = features * size, upsample(output.lr, 2) - 0.5
        cells = torch.cat([to_rows(parts[0]), to_rows(detail), to_rows(parts[1])], -1)
        return Cells(cells, centred(output.lr))

    def change(self, output: Output, cells: Cells, refs: References) -> Tensor:
        """What M references change of one face: (1, 3, 128, 128)."""
        alike = cells.lr @ refs.cells.lr.T
        refs = refs.take(alike[0].argsort(stable=True))
        weight, expected = refs.once(), None
        if self.regression is not None:
            face, others = self.describe(cells.rows), self.describe(refs.cells.rows)
            expected = self.regression(face, others, refs.errors, weight)
        return self._decoded(output, cells, refs, expected, weight)

    def change_each_other(
        self, output: Output, refs: References, weight: Tensor, which: slice
    ) -> Tensor:
        """What N faces, as references, change of `which` of them: (N', 3, 128, 128).

        `weight` (N, N) is 1 where a face has another as reference.
        """
        expected = None
        if self.regression is not None:
            faces = self.describe(refs.cells.rows)
            expected = self.regression.each_other(faces, refs.errors, weight).take(which)
        return self._decoded(
            output.take(which), refs.cells.take(which), refs, expected, weight[which]
        )

    def _decoded(
        self,
        output: Output,
        cells: Cells,
        refs: References,
        expected: Expected | None,
        weight: Tensor,
    ) -> Tensor:
        alike = cells.lr @ refs.cells.lr.T
        gathered = None
        if self.gather is not None:
            values = torch.cat(
                [refs.errors, self.value(torch.cat([refs.cells.rows, refs.detail], -1))], -1
            )
            gathered = self.gather(cells.rows, refs.cells.rows, values, weight, alike)
        given = Given(weight, alike, expected, gathered, refs.errors)
        return self.decoder(output, given) / SCALE


def centred(small: Tensor) -> Tensor:
    """LR faces (..., 3, 16, 16), each colour's mean taken out, of length 1: (..., 768)."""
    return F.normalize((small - small.mean((-2, -1), keepdim=True)).flatten(-3), dim=-1)


def turned_alike(lr: Tensor, refs: Tensor) -> Tensor:
    """References (N, K, 3, 128, 128), each mirrored where it is then more like the face."""
    face, small = centred(lr).unsqueeze(1), downsample_references(refs)
    gain = (face * (centred(small.flip(-1)) - centred(small))).sum(-1)
    return torch.where(gain[..., None, None, None] > 0, refs.flip(-1), refs)
