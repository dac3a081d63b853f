"""Whether a network does what a method must: faces in, finite faces out."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmark.methods.method import Method
from benchmark.protocol.tasks import HR_SIZE
from faceref.errors import FaceRefError

FACES, REFERENCES = 2, 2
"""What a network is tried on before it is trained."""


def need_faces(output: object, wanted: Sequence[int]) -> None:
    """Raise FaceRefError for an output that is no batch of faces, or not finite."""
    if not isinstance(output, Tensor) or tuple(output.shape) != tuple(wanted):
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise FaceRefError(
            f"The network gave {found} for {wanted[0]} faces, where a tensor {tuple(wanted)} is "
            "needed, RGB in [0, 1]."
        )
    if not torch.isfinite(output).all():
        raise FaceRefError(
            "The network gave numbers that are not finite (NaN or infinity). A mean over no "
            "references (K = 0) does so, and so does a training that failed."
        )


@torch.no_grad()
def need_working(method: Method, network: nn.Module, scale: int, device: torch.device) -> None:
    """Raise FaceRefError unless an untrained network super-resolves two faces.

    A method with references must do so with some and with none, as training draws from 0 up.
    Neither weights nor the random numbers of the training change.
    """
    counts = [0, method.given(REFERENCES)] if method.uses_references else [0]
    devices = [device] if device.type == "cuda" else []
    was_training = network.training
    with torch.random.fork_rng(devices):
        lr = torch.rand(FACES, 3, HR_SIZE // scale, HR_SIZE // scale).to(device)
        for count in counts:
            refs = torch.rand(FACES, count, 3, HR_SIZE, HR_SIZE).to(device)
            try:
                output = network.eval()(lr, refs)
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception as error:
                raise FaceRefError(_failure(method, network, lr, refs, error)) from error
            try:
                need_faces(output, (FACES, 3, HR_SIZE, HR_SIZE))
            except FaceRefError as error:
                raise FaceRefError(
                    f"{method.name}, given K = {count} references: {error}"
                ) from None
    network.train(was_training)


def _failure(method: Method, network: nn.Module, lr: Tensor, refs: Tensor, error: Exception) -> str:
    """What failed, and in which line of the method."""
    given = f"lr {tuple(lr.shape)} and refs {tuple(refs.shape)}"
    return (
        f"{method.name} fails when its forward(lr, refs) is given {given}: "
        f"{type(error).__name__}: {error}{_line(network, error)}. K, the number of references, may "
        "be any from 0 up."
    )


def _line(network: nn.Module, error: Exception) -> str:
    """` (FILE, line N)` of the network's own file, where the traceback passes there."""
    try:
        own = inspect.getfile(type(network))
    except (OSError, TypeError):
        return ""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == own]
    return f" ({own}, line {lines[-1]})" if lines else ""
