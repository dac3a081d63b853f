"""Weights of somebody else's single-image x8 network, opened by the package spandrel.

spandrel (MIT) finds the architecture from the weights alone. Files are read as plain tensors:
safetensors, or PyTorch's format with `weights_only=True`, so that no file can run code.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmark.evaluation.evaluate import Check, score_model
from benchmark.evaluation.record import MethodRecord
from benchmark.evaluation.setting import Setting
from benchmark.methods.registry import need_free_name
from benchmark.protocol.tasks import HR_SIZE, LR_SIZE, SCALE, Task, task
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.reading.weights import read_checkpoint, read_safetensors

if TYPE_CHECKING:
    from benchmark.evaluation.extra_metrics import ExtraMetrics
    from benchmark.results.result import Result

SUFFIXES = (".safetensors", ".pth")
_CONVERT = (
    "Save the weights alone where you trust the file: "
    "safetensors.torch.save_file(model.state_dict(), 'x8.safetensors')."
)
_ELSEWHERE = "Or run it where it works and score its images: --predictions DIR."


class SingleImage(nn.Module):
    """A spandrel network that is called as a method, and uses no reference."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.net: nn.Module = descriptor.model
        self.descriptor = descriptor

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """See `benchmark.Method`. One face at a time: spandrel promises no more."""
        return torch.cat([self.descriptor(face[None]) for face in lr])


@dataclass(frozen=True)
class Network:
    """A network with its weights, and what a result says about them."""

    model: SingleImage
    """In evaluation mode, on the CPU, float32."""
    architecture: str
    """spandrel's name of it."""
    sha256: str
    """Of the file."""


def evaluate_spandrel(
    face_ref: FaceRef,
    file: str | Path,
    name: str,
    setting: Setting,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    extras: ExtraMetrics | None = None,
    check: Check | None = None,
) -> Result:
    """Score weights of somebody else's single-image x8 network.

    Its training is not known here, so the row has no budget; `Result.weights` says what was scored.

    Args:
        face_ref: The opened set.
        file: The weights, `.safetensors` or `.pth`.
        name: What the result calls the method.
        setting: The task and split; no references are given.
        device: `cpu` or `cuda`.
        progress: Called with faces done, faces in all, and an empty text.
        extras: Metrics beside the four of every result.
        check: Called before anything is scored, see `benchmark.evaluation.evaluate.Check`.

    Returns:
        The result, not written yet.

    Raises:
        FaceRefError: As `open_network`, and for a task of another scale.
    """
    need_free_name(name)
    _need_scale(task(setting.task))
    file = Path(file)
    network = open_network(file)
    weights = {
        "architecture": network.architecture,
        "file": file.name,
        "sha256": network.sha256,
    }
    known = MethodRecord(name, name, weights=weights, packages={"spandrel": version("spandrel")})
    how = {"device": device, "progress": progress, "extras": extras, "check": check}
    return score_model(network.model, known, face_ref, setting, 0, **how)


def _need_scale(asked: Task) -> None:
    """Raise FaceRefError for a task of another scale than that of the networks taken here."""
    if asked.scale != SCALE:
        raise FaceRefError(
            f"{asked.name} is x{asked.scale}, and networks from elsewhere are taken for x{SCALE}. "
            "Score images made elsewhere: --predictions DIR."
        )


def open_network(file: Path) -> Network:
    """The x8 RGB network whose weights are `file`.

    Raises FaceRefError where spandrel is not installed, the file cannot be read, or the network is
    unknown, of another scale or for other channels.
    """
    state = _state(file)
    spandrel = _spandrel()
    try:
        found = spandrel.ModelLoader().load_from_state_dict(state)
    except spandrel.UnsupportedModelError as error:
        raise FaceRefError(
            f"{file}: spandrel {version('spandrel')} knows no architecture with these weights. "
            f"{_ELSEWHERE}"
        ) from error
    except Exception as error:
        raise FaceRefError(
            f"{file}: spandrel cannot build a network from these weights ({_cause(error)}). "
            f"Are they whole? {_ELSEWHERE}"
        ) from error
    _need_fit(file, found, spandrel)
    model = SingleImage(found.float()).eval()
    _need_size(file, model)
    return Network(model, found.architecture.name, file_sha256(file))


def _spandrel() -> Any:
    try:
        import spandrel
    except ImportError as error:
        raise FaceRefError(
            f"--spandrel needs the package spandrel ({error}): pip install 'face-ref[spandrel]'"
        ) from error
    return spandrel


def _state(file: Path) -> dict[str, Any]:
    if file.suffix not in SUFFIXES:
        raise FaceRefError(f"{file}: weights end in {' or '.join(SUFFIXES)}. {_CONVERT}")
    if not file.is_file():
        raise FaceRefError(f"No file of weights at {file}.")
    if file.suffix == ".safetensors":
        return read_safetensors(file, "Get it again.")[0]
    return read_checkpoint(file, f"Get it again. {_CONVERT}")


def _need_fit(file: Path, found: Any, spandrel: Any) -> None:
    what = f"{file} is {found.architecture.name}"
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise FaceRefError(f"{what}, which needs a mask beside the image. {_ELSEWHERE}")
    if found.scale != SCALE:
        raise FaceRefError(
            f"{what} x{found.scale}, expected x{SCALE}: {LR_SIZE}x{LR_SIZE} to "
            f"{HR_SIZE}x{HR_SIZE}. Give x{SCALE} weights. {_ELSEWHERE}"
        )
    if (found.input_channels, found.output_channels) != (3, 3):
        raise FaceRefError(
            f"{what} with {found.input_channels} channels in and {found.output_channels} out, "
            f"expected 3 and 3 (RGB). {_ELSEWHERE}"
        )


@torch.no_grad()
def _need_size(file: Path, model: SingleImage) -> None:
    """Some networks want more than 16x16; better said now than after the first face."""
    try:
        shape = tuple(model(torch.zeros(1, 3, LR_SIZE, LR_SIZE), torch.zeros(1, 0)).shape)
    except Exception as error:
        raise FaceRefError(
            f"{file}: the network fails on {LR_SIZE}x{LR_SIZE} pixels ({_cause(error)}). "
            f"{_ELSEWHERE}"
        ) from error
    if shape != (1, 3, HR_SIZE, HR_SIZE):
        raise FaceRefError(
            f"{file}: the network makes {shape} of {LR_SIZE}x{LR_SIZE} pixels, expected "
            f"{(1, 3, HR_SIZE, HR_SIZE)}. {_ELSEWHERE}"
        )


def _cause(error: Exception) -> str:
    """The kind of an error and the first line of it."""
    return " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])
