"""Trained weights as one file to hand on: safetensors that says which method it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.memory.adaptation import MEMORY, Adaptation
from benchmark.memory.network import ErrorMemory, WithMemory
from benchmark.methods.method import Method
from benchmark.methods.model import Model
from benchmark.methods.registry import load_method, need_scale
from benchmark.protocol.budgets import budget_of
from benchmark.protocol.tasks import SCALE
from benchmark.training.run import REPORT_SHAPE, Run, scale_of
from faceref.api.arguments import as_path
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
"""Where weights are looked for. Of several of a method and scale the longest training is taken, and
of that the last: a checkout has full precision."""


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
    facts: Mapping[str, str] = field(default_factory=dict)
    """What an exported file says of it: method, budget, data, the report of its training."""

    @property
    def adaptation(self) -> Adaptation | None:
        """To which pool it was adapted, and how; None for weights as trained."""
        return Adaptation.of(self.facts)


def export_weights(run: Path, out: Path) -> Path:
    """Write the chosen weights of the training `run` to `out`, its SHA-256 beside it.

    `out` ends in `.safetensors`; beside it lies `out.sha256` as `sha256sum -c` reads it. Metadata
    name method, budget, seed, data and the `weights_sha256` of results, and the report of the
    training, so that the file can be evaluated as the folder can. No image and no path is in it.
    """
    opened = Run(run)
    return write_weights(out, opened.weights(), _facts(opened.training()))


def write_weights(out: Path, state: Mapping[str, Tensor], facts: Mapping[str, str]) -> Path:
    """Write weights as a safetensors file with `facts` in its metadata, its SHA-256 beside it."""
    from safetensors.torch import save

    need_suffix(out)
    write_bytes(out, save({name: value.contiguous() for name, value in state.items()}, dict(facts)))
    write_text(_sum_file(out), f"{file_sha256(out)}  {out.name}\n")
    return out


def need_suffix(out: Path) -> None:
    """Raise FaceRefError unless `out` is named as a file of weights."""
    if out.suffix != SUFFIX:
        raise FaceRefError(
            f"{out}: exported weights end in {SUFFIX}. Give {out.with_suffix(SUFFIX)}."
        )


def _scale_in(metadata: Mapping[str, str], path: Path) -> int:
    """The scale of a method without training, as the metadata of an adapted one say."""
    said = metadata.get("scale", str(SCALE))
    if not said.isdigit():
        raise FaceRefError(f"{path}: scale {said!r} is no number. {_AGAIN}")
    return int(said)


def _facts(training: Mapping[str, Any]) -> dict[str, str]:
    """What exported weights say of the training behind them."""
    return {
        "method": training["method"],
        "budget": training["budget"]["name"],
        "seed": str(training["seed"]),
        "data_revision": training["data_revision"],
        "weights_sha256": training["weights_sha256"],
        "training": json.dumps(training),
    }


def training_report(path: str | Path) -> dict[str, Any]:
    """The report of the training behind `path`: its folder, or a file that was exported of it.

    Raises FaceRefError where there is none.
    """
    path = as_path(path)
    if not _is_exported(path):
        return Run(path).training()
    need_its_sum(path)
    report = parse_json(safetensors_metadata(path, _AGAIN).get("training", "{}"), path, _AGAIN)
    need_shape(report, REPORT_SHAPE, path, _AGAIN)
    if "weights_sha256" not in report:
        raise FaceRefError(
            f"{path} does not hold the report of its training, so it was not made by "
            "`facebench export`. Give such a file, or the folder of the training."
        )
    return report


def adaptation_of(path: str | Path) -> Adaptation | None:
    """To which pool the weights at `path` were adapted; None for weights as trained."""
    path = as_path(path)
    return Adaptation.of(safetensors_metadata(path, _AGAIN), path) if _is_exported(path) else None


def open_weights(path: str | Path) -> Weights:
    """Weights of a training folder, or of an exported file, whose SHA-256 must be that beside it.

    Raises FaceRefError where they are missing, damaged, or of a method that has none.
    """
    path = as_path(path)
    if not _is_exported(path):
        run = Run(path)
        training = run.training()
        method = load_method(training["method"])
        model = _filled(method, method.build(), run.weights(), path)
        return Weights(method, model, file_sha256(run.best), scale_of(training), _facts(training))
    digest = need_its_sum(path)
    state, metadata = read_safetensors(path, _AGAIN)
    if "method" not in metadata:
        raise FaceRefError(f"{path} does not name its method: it was not made by facebench.")
    method = load_method(metadata["method"])
    report = parse_json(metadata.get("training", "{}"), path, _AGAIN)
    adapted, network = Adaptation.of(metadata, path), method.build()
    if adapted is not None and adapted.by == MEMORY:
        network = WithMemory(network, ErrorMemory())
    model = _filled(method, network, state, path)
    scale = scale_of(report) if report else _scale_in(metadata, path)
    return Weights(method, model, digest, scale, metadata)


def load_model(name: str | PathLike[str], *, scale: int = SCALE) -> Model:
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
    path = as_path(name)
    if path.exists():
        weights = open_weights(path)
        return Model(weights.method, weights.model, weights.sha256, weights.scale, weights.facts)
    if path.suffix or len(path.parts) > 1:
        open_weights(path)
    method = load_method(str(name))
    need_scale(method, scale)
    if not method.trained:
        return Model(
            method, method.build(), scale=scale, facts={"method": method.name, "scale": str(scale)}
        )
    found = [path for folder in WEIGHTS for path in sorted(folder.glob(f"*-x{scale}-*/*{SUFFIX}"))]
    known = {path.stem: path for path in sorted(found, key=_faces_seen)}
    if method.name not in known:
        raise FaceRefError(
            f"No weights of {method.name} for x{scale} come with this package"
            f"{f' (there are: {chr(44).join(known)})' if known else ''}. Give the folder of a "
            f"training, or an exported {SUFFIX} file."
        )
    return load_model(known[method.name])


def _faces_seen(file: Path) -> int:
    """In the training of exported weights; 0 where their budget is not known."""
    found = budget_of(safetensors_metadata(file, _AGAIN).get("budget"))
    return found.samples if found else 0


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


def need_its_sum(path: Path) -> str:
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


def need_fit(name: str, model: nn.Module, state: dict[str, Any], path: Path, way_out: str) -> None:
    """Raise FaceRefError where tensors of `path` are not those of a network of `name`."""
    if misfit := _misfit(model.state_dict(), state):
        raise _unfit(name, path, misfit, way_out)


def _unfit(name: str, path: Path, why: str, way_out: str) -> FaceRefError:
    return FaceRefError(f"{path} does not fit {name} of this version ({why}). {way_out}")


def _filled(method: Method, model: nn.Module, state: dict, path: Path) -> nn.Module:
    way_out = "Train again, or install the version that it was trained with."
    try:
        need_fit(method.name, model, state, path, way_out)
        model.load_state_dict(state)
    except FaceRefError:
        raise
    except Exception as error:  # Whatever else than tensors a file may hold.
        raise _unfit(method.name, path, cause(error), way_out) from error
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise FaceRefError(
                f"{path}: the weights {name} hold numbers that are not finite (NaN or infinity), "
                "as after a training that failed. Train again, or get the file again."
            )
    return model.eval()


def _misfit(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """Why weights are not those that a network wants, in plain words; empty where they are."""
    for name in sorted(wanted.keys() | state.keys()):
        if name not in state:
            return f"it lacks the weights {name}"
        if name not in wanted:
            return f"it has the weights {name}, which that method has not"
        if state[name].shape != wanted[name].shape:
            shape, other = tuple(state[name].shape), tuple(wanted[name].shape)
            return f"its weights {name} are of shape {shape}, not {other}"
    return ""


def _sum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
