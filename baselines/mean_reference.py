"""The mean of the references, untouched: what a method gets for averaging faces.

Origin: this project; a check that references alone do not solve the task.
Code licence: Apache-2.0 (this project). No weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.methods.method import Method
from faceref.errors import FaceRefError


class MeanReference(nn.Module):
    """Returns the mean of the references."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`; raises FaceRefError where there is no reference."""
        if refs.shape[1] == 0:
            raise FaceRefError("mean_reference needs a reference: use --references 1 or more.")
        return refs.mean(1)


METHOD = Method(
    "mean_reference",
    "Mean of references",
    "the mean of the references, untouched",
    MeanReference,
    uses_references=True,
    trained=False,
    needs_references=True,
)
