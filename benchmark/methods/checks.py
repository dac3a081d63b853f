"""Whether a network does what a method must: faces in, finite faces out."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmark.methods.method import Method
from benchmark.protocol.tasks import HR_SIZE
from faceref.console import say_aside
from faceref.errors import FaceRefError

FAR = 4.0
"""Colours above this are not of [0, 1], however far a network overshoots."""
BLACK = -0.1
"""Values below this are more than an overshoot."""
MANY = 0.1
"""Share of such values from which on faces seem to be in [-1, 1]."""
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
    if not output.is_floating_point():
        raise FaceRefError(
            f"The network gave {output.dtype}, where float RGB in [0, 1] is needed: divide by 255."
        )
    if not torch.isfinite(output).all():
        raise FaceRefError(
            "The network gave numbers that are not finite (NaN or infinity). A mean over no "
            "references (K = 0) does so, and so does a training that failed."
        )


def need_range(output: Tensor) -> None:
    """Raise FaceRefError for faces that are far from [0, 1], such as those of 0 to 255."""
    if (mean := output.float().mean().item()) > FAR:
        raise FaceRefError(
            f"The network's faces have a mean of {mean:.1f}, where RGB in [0, 1] is needed: divide "
            "by 255."
        )


def remark_on_range(output: Tensor) -> None:
    """Say where faces look as if they were in [-1, 1]: negative values are scored as black."""
    share = (output < BLACK).float().mean().item()
    if share > MANY:
        say_aside(
            f"{share:.0%} of the values of the network's first faces are below {BLACK}, and are "
            "scored as black: RGB in [0, 1] is expected. If it computes in [-1, 1], give it "
            "2 * lr - 1 (and 2 * refs - 1), and return (output + 1) / 2."
        )


def need_inputs(lr: object, refs: object, scale: int) -> None:
    """Raise FaceRefError for what a network would take for faces and is none.

    `refs` may be None.
    """
    side = HR_SIZE // scale
    wanted: dict[str, tuple[object, tuple[str | int, ...]]] = {"lr": (lr, ("N", 3, side, side))}
    if refs is not None:
        wanted["refs"] = refs, ("N", "K", 3, HR_SIZE, HR_SIZE)
    for name, (given, shape) in wanted.items():
        if not isinstance(given, Tensor):
            raise FaceRefError(f"{name} is {type(given).__name__!r}, and a tensor is needed.")
        sides = tuple(one for one in shape if isinstance(one, int))
        if given.ndim != len(shape) or tuple(given.shape[-len(sides) :]) != sides:
            text = ", ".join(map(str, shape))
            raise FaceRefError(f"{name} is of shape {tuple(given.shape)}, expected ({text}).")
        if not given.numel():
            continue
        most = given.amax().item()
        if not given.is_floating_point() or most > FAR:
            raise FaceRefError(
                f"{name} is {given.dtype}, up to {most:g}: give float RGB in [0, 1], such as "
                f"{name}.float() / 255."
            )
    if isinstance(lr, Tensor) and isinstance(refs, Tensor) and len(lr) != len(refs):
        raise FaceRefError(f"{len(lr)} LR faces and references of {len(refs)}: give as many.")


@torch.no_grad()
def need_working(method: Method, network: nn.Module, scale: int, device: torch.device) -> None:
    """Raise FaceRefError unless an untrained network super-resolves two faces.

    A method with references must do so with the fewest that it can be given, and with some.
    Neither weights nor the random numbers of the training change.
    """
    possible = method.counts(REFERENCES)
    counts = sorted({possible[0], possible[-1]})
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
    possible = method.counts(method.most_references or REFERENCES)
    most = "up" if method.uses_references and not method.most_references else f"to {possible[-1]}"
    return (
        f"{method.name} fails when its forward(lr, refs) is given {given}: "
        f"{type(error).__name__}: {error}{_line(network, error)}. K, the number of references, may "
        f"be any from {possible[0]} {most}; needs_references and most_references limit it."
    )


def _line(network: nn.Module, error: Exception) -> str:
    """` (FILE, line N)` of the network's own file, where the traceback passes there."""
    try:
        own = inspect.getfile(type(network))
    except (OSError, TypeError):
        return ""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == own]
    return f" ({own}, line {lines[-1]})" if lines else ""
