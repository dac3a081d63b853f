"""The best-ranked reference itself, untouched: what a method gets for copying.

Origin: this project; a check that references alone do not solve the task.
Code licence: Apache-2.0 (this project). No weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.methods.method import Method
from faceref.errors import FaceRefError


class NearestReference(nn.Module):
    """Returns the first reference."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`; raises FaceRefError where there is no reference."""
        if refs.shape[1] == 0:
            raise FaceRefError("nearest_reference needs a reference: use --references 1 or more.")
        return refs[:, 0]


METHOD = Method(
    "nearest_reference",
    "Nearest reference",
    "the best-ranked reference, untouched",
    NearestReference,
    uses_references=True,
    trained=False,
    needs_references=True,
    most_references=1,
)
