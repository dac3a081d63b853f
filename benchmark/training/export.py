"""Trained weights as one file to hand on: safetensors that says which method it is for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.methods.method import Method
from benchmark.methods.model import Model
from benchmark.methods.registry import load_method, need_scale
from benchmark.protocol.tasks import SCALE
from benchmark.training.run import REPORT_SHAPE, Run, scale_of
from faceref.errors import FaceRefError
from faceref.files import file_sha256, write_bytes, write_text
from faceref.reading.boundary import cause
from faceref.reading.json_file import parse_json
from faceref.reading.shape import need_shape
from faceref.reading.text import read_text
from faceref.reading.weights import read_safetensors, safetensors_metadata

SUFFIX = ".safetensors"
_AGAIN = "Get it again."
_BOTH = "Get it again, from where you have the weights."
PACKAGED = Path(__file__).parents[1] / "weights"
"""Weights that come with the package, one folder a task and budget."""
WEIGHTS = (PACKAGED, Path(__file__).parents[2] / "weights")
"""Where weights are looked for; a later one is taken first: a checkout has full precision."""


@dataclass(frozen=True)
class Weights:
    """A method with its trained weights."""

    method: Method
    model: nn.Module
    """In evaluation mode, on the CPU."""
    sha256: str
    """Of the file."""
    scale: int = SCALE
    """By how much it super-resolves."""


def export_weights(run: Path, out: Path) -> Path:
    """Write the chosen weights of the training `run` to `out`, its SHA-256 beside it.

    `out` ends in `.safetensors`; beside it lies `out.sha256` as `sha256sum -c` reads it. Metadata
    name method, budget, seed, data and the `weights_sha256` of results, and the report of the
    training, so that the file can be evaluated as the folder can. No image and no path is in it.
    """
    from safetensors.torch import save

    if out.suffix != SUFFIX:
        raise FaceRefError(f"{out}: exported weights end in {SUFFIX}.")
    opened = Run(run)
    training, state = opened.training(), opened.weights()
    facts = {
        "method": training["method"],
        "budget": training["budget"]["name"],
        "seed": str(training["seed"]),
        "data_revision": training["data_revision"],
        "weights_sha256": training["weights_sha256"],
        "training": json.dumps(training),
    }
    write_bytes(out, save({name: value.contiguous() for name, value in state.items()}, facts))
    write_text(_sum_file(out), f"{file_sha256(out)}  {out.name}\n")
    return out


def training_report(path: str | Path) -> dict[str, Any]:
    """The report of the training behind `path`: its folder, or a file that was exported of it.

    Raises FaceRefError where there is none.
    """
    path = Path(path)
    if not _is_exported(path):
        return Run(path).training()
    _need_its_sum(path)
    report = parse_json(safetensors_metadata(path, _AGAIN).get("training", "{}"), path, _AGAIN)
    need_shape(report, REPORT_SHAPE, path, _AGAIN)
    if "weights_sha256" not in report:
        raise FaceRefError(
            f"{path} does not hold the report of its training, so it was not made by "
            "`facebench export`. Give such a file, or the folder of the training."
        )
    return report


def open_weights(path: str | Path) -> Weights:
    """Weights of a training folder, or of an exported file, whose SHA-256 must be that beside it.

    Raises FaceRefError where they are missing, damaged, or of a method that has none.
    """
    path = Path(path)
    if not _is_exported(path):
        run = Run(path)
        training = run.training()
        method = load_method(training["method"])
        model = _filled(method, run.weights(), path)
        return Weights(method, model, file_sha256(run.best), scale_of(training))
    digest = _need_its_sum(path)
    state, metadata = read_safetensors(path, _AGAIN)
    if "method" not in metadata:
        raise FaceRefError(f"{path} does not name its method: it was not made by facebench.")
    method = load_method(metadata["method"])
    report = parse_json(metadata.get("training", "{}"), path, _AGAIN)
    return Weights(method, _filled(method, state, path), digest, scale_of(report))


def load_model(name: str | Path, *, scale: int = SCALE) -> Model:
    """A method's network with its trained weights, ready to call.

    Args:
        name: The folder of a training, a `.safetensors` file that `export_weights` made, or a
            method: one that needs no training, such as `bicubic`, or one whose exported weights
            lie in the checkout's folder `weights/` or come with the package.
        scale: Where `name` is a method: by how much it shall super-resolve. A file or folder says
            it itself.

    Returns:
        A module in evaluation mode: `model(lr, refs)`, see `Model`.

    Raises:
        FaceRefError: Where there are no such weights, or they are damaged; where the method does
            not super-resolve by `scale`.

    Example:
        >>> import benchmark, torch
        >>> model = benchmark.load_model("bicubic")
        >>> model(torch.zeros(1, 3, 16, 16)).shape
        torch.Size([1, 3, 128, 128])
    """
    if Path(name).exists():
        weights = open_weights(Path(name))
        return Model(weights.method, weights.model, weights.sha256, weights.scale)
    if Path(name).suffix or len(Path(name).parts) > 1:
        open_weights(Path(name))
    method = load_method(str(name))
    need_scale(method, scale)
    if not method.trained:
        return Model(method, method.build(), scale=scale)
    known = {
        path.stem: path
        for folder in WEIGHTS
        for path in sorted(folder.glob(f"*-x{scale}-*/*{SUFFIX}"))
    }
    if method.name not in known:
        raise FaceRefError(
            f"No weights of {method.name} for x{scale} come with this package"
            f"{f' (there are: {chr(44).join(known)})' if known else ''}. Give the folder of a "
            f"training, or an exported {SUFFIX} file."
        )
    return load_model(known[method.name])


def pretrained() -> list[Model]:
    """The networks that come with the package, one of each scale, for `Upscaler`."""
    return [load_model(path) for path in sorted(PACKAGED.glob(f"*/*{SUFFIX}"))]


def _is_exported(path: Path) -> bool:
    """Whether `path` is an exported file, not the folder of a training; raises where it is neither.

    A folder that is not there counts as one: `Run` then says how to train.
    """
    if path.suffix == SUFFIX and path.is_file():
        return True
    if path.is_dir() or not path.suffix:
        return False
    raise FaceRefError(
        f"No weights at {path}. Give a folder that `facebench train` made, or a released "
        f"{SUFFIX} file."
    )


def _need_its_sum(path: Path) -> str:
    """SHA-256 of a file; raises FaceRefError where no file beside it names that one."""
    digest, beside = file_sha256(path), _sum_file(path)
    if not beside.is_file():
        raise FaceRefError(
            f"{path} lacks {beside.name}, which says what its SHA-256 must be. Get that file, too, "
            "from where you have this one."
        )
    expected = next(iter(read_text(beside, _BOTH).split()), "").lower()
    if not re.fullmatch("[0-9a-f]{64}", expected):
        raise FaceRefError(f"{beside} holds no SHA-256: it begins with {expected[:20]!r}. {_BOTH}")
    if digest != expected:
        raise FaceRefError(
            f"{path} is damaged or was replaced: SHA-256 {digest[:12]}..., {beside} says "
            f"{expected[:12]}.... Get it again."
        )
    return digest


def _filled(method: Method, state: dict, path: Path) -> nn.Module:
    model = method.build()
    try:
        model.load_state_dict(state)
    except Exception as error:  # Whatever else than tensors a file may hold.
        raise FaceRefError(
            f"{path} does not fit {method.name} of this version ({cause(error)}). Train again, or "
            "install the version that it was trained with."
        ) from error
    return model.eval()


def _sum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
