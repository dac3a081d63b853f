"""Files of weights: torch's checkpoints, as data alone, and safetensors."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceref.errors import FaceRefError
from faceref.reading.boundary import is_empty, reading

if TYPE_CHECKING:
    from torch import Tensor


def read_checkpoint(path: Path, way_out: str, *, mapped: bool = False) -> dict[str, Any]:
    """What `torch.save` wrote: tensors and plain values. No file can run code.

    Args:
        path: The file.
        way_out: What to do where it cannot be used.
        mapped: Leave tensors on disk until they are used.

    Raises:
        FaceRefError: Where it is empty, cut off, no such file, or holds more than data.
    """
    import torch

    with reading(path, way_out, "is damaged or no file of torch.save"):
        try:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        except (RuntimeError, EOFError) as error:
            if is_empty(path) or zipfile.is_zipfile(path):
                raise
            raise FaceRefError(f"{path} is cut off, or no file of torch.save. {way_out}") from error
        except pickle.UnpicklingError as error:
            if is_empty(path):
                raise
            raise FaceRefError(
                f"{path} is damaged, no file of torch.save, or holds more than tensors; then it is "
                f"not opened, since that could run code. {way_out}"
            ) from error
    if not isinstance(found, dict):
        raise FaceRefError(f"{path} holds a {type(found).__name__}, expected a dict. {way_out}")
    return found


def read_safetensors(path: Path, way_out: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, on the CPU, and the metadata of a safetensors file.

    Raises FaceRefError where it is empty, cut off, or no such file.
    """
    from safetensors import safe_open

    with reading(path, way_out, "is no whole safetensors file"), safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


def safetensors_metadata(path: Path, way_out: str) -> dict[str, str]:
    """The metadata of a safetensors file; no tensor is read."""
    from safetensors import safe_open

    with reading(path, way_out, "is no whole safetensors file"), safe_open(path, "pt") as file:
        return file.metadata() or {}
