"""What a method is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.protocol.tasks import SCALE

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Variant:
    """A method changed: `msrnet-no-error` is `no-error` of `msrnet`."""

    name: str
    """Without the method's: `no-error`."""
    build: Callable[[], nn.Module]
    """As `Method.build`."""
    uses_references: bool = True
    """Whether the output depends on `refs`."""
    idea: str = ""
    """What the change tries or takes away, in a few words."""
    criterion: Callable[[], nn.Module] | None = None
    """As `Method.criterion`; None: that of the method."""


@dataclass(frozen=True)
class Method:
    """One way to super-resolve a face.

    `build()` gives a module whose `forward(lr, refs)` takes `lr` (N, 3, 16, 16) and `refs`
    (N, K, 3, 128, 128), float32 RGB in [0, 1], K from 0 up, and returns (N, 3, 128, 128) in the
    same range, not necessarily clamped. With `scales` beside 8, `lr` has 128 / scale pixels a side.

    A module that has `training_outputs(lr, hr, people)` is trained on what that returns, a list of
    (output, what it should be): losses of all pairs are added up. It is given no references, but
    makes them of the batch's HR faces (N, 3, 128, 128) itself. `people` (N,) int64 are numbers of
    persons; nobody may be his own reference. It draws with torch's generator. Under torchrun the
    batch is the share of a process.
    """

    name: str
    """As the file: `edsr`."""
    title: str
    """As papers write it: `EDSR`."""
    paper: str
    """Authors, venue, year; or what it is."""
    build: Callable[[], nn.Module]
    uses_references: bool
    """Whether the output depends on `refs`."""
    trained: bool
    """Whether it has parameters to train."""
    needs_references: bool = False
    """Whether it cannot do without: K = 0 is an error."""
    most_references: int | None = None
    """References beyond this many are not given to it; None takes any number."""
    scales: tuple[int, ...] = (SCALE,)
    """How many times smaller LR faces may be: by default only 8 times."""
    criterion: Callable[[], nn.Module] | None = None
    """Gives the loss, `forward(output, hr)`, where it is not L1; then the last weights are kept.

    The module may learn: it is trained by itself, and its state is saved with the checkpoint."""
    variants: tuple[Variant, ...] = ()
    """What `load_method` finds as `<name>-<variant>`."""

    def given(self, wanted: int) -> int:
        """How many of `wanted` references the method is given."""
        if not self.uses_references:
            return 0
        return wanted if self.most_references is None else min(wanted, self.most_references)

    def counts(self, most: int) -> range:
        """Numbers of references, up to `most`, that it can be given."""
        return range(int(self.needs_references), self.given(most) + 1)


def variants(method: Method) -> list[str]:
    """Names under which `load_method` finds the variants of `method`."""
    return [f"{method.name}-{variant.name}" for variant in method.variants]
