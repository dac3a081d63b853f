"""LPIPS and DISTS by torchmetrics, with backbones whose bytes are known.

Needs the extra `metrics` and weights of `weights.py`; without them FaceRefError, no number.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.metrics import weights
from benchmark.metrics.backbone_features import write_torchvision_file
from benchmark.metrics.weights import need_package
from faceref.errors import FaceRefError
from faceref.files import file_sha256

BATCH = 16
BACKBONES = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet"}
"""Weights of each LPIPS."""
HEADS = {
    "lpips_models/alex.pth": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "lpips_models/vgg.pth": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "lpips_models/squeeze.pth": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
    "dists_models/weights.pt": "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
}
"""SHA-256 of the learned weightings, which torchmetrics brings."""
Distance = Callable[[Tensor, Tensor], Tensor]
"""Of two float32 RGB batches (N, 3, H, W) in [0, 1], one number a pair."""


def open_lpips(net: str) -> tuple[nn.Module, dict[str, str]]:
    """`lpips_alex@1`, `lpips_vgg@1`, `lpips_squeeze@1`, and the SHA-256 of each file behind it.

    Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a
    Perceptual Metric", CVPR 2018, weightings of version 0.1: RGB in [-1, 1], no resizing, mean over
    each map, sum over the layers. 0 for equal images, lower is better.
    """
    need_package("torchmetrics", "torchvision")
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    files = _check_head(f"lpips_models/{net}.pth")
    with _backbone(BACKBONES[net], files):
        metric = LearnedPerceptualImagePatchSimilarity(net_type=net)  # pyright: ignore
    return metric.net.eval(), files


def open_dists() -> tuple[nn.Module, dict[str, str]]:
    """`dists@1`, and the SHA-256 of each file behind it.

    Ding, Ma, Wang, Simoncelli, "Image Quality Assessment: Unifying Structure and Texture
    Similarity", TPAMI 2020: VGG-16 with L2 pooling, RGB in [0, 1], no resizing. 0 for equal images,
    lower is better.
    """
    need_package("torchmetrics", "torchvision")
    from torchmetrics.functional.image.dists import DISTSNetwork

    files = _check_head("dists_models/weights.pt")
    with _backbone("vgg16", files):
        network = DISTSNetwork()
    return network.eval(), files


def lpips_distance(network: nn.Module) -> Distance:
    """`network` of `open_lpips` as a distance of images in [0, 1]."""
    return lambda first, second: network(first, second, normalize=True)


@torch.no_grad()
def distances(
    distance: Distance, outputs: np.ndarray, targets: np.ndarray, device: torch.device
) -> np.ndarray:
    """`distance` of each pair of uint8 RGB faces (N, H, W, 3): float64 (N,)."""
    parts = []
    for start in range(0, len(outputs), BATCH):
        pair = (_unit(images[start : start + BATCH], device) for images in (outputs, targets))
        parts.append(distance(*pair).double().flatten().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros(0)


def _unit(images: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255


def head_path(name: str) -> Path:
    """Where torchmetrics keeps the weighting `name` of `HEADS`."""
    found = importlib.util.find_spec("torchmetrics")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "functional" / "image" / name


def _check_head(name: str) -> dict[str, str]:
    file = head_path(name)
    if not file.is_file() or file_sha256(file) != HEADS[name]:
        raise FaceRefError(
            f"{file} is missing or not the one this metric is defined with. "
            "Install again: pip install --force-reinstall torchmetrics"
        )
    return {name: HEADS[name]}


@contextmanager
def _backbone(name: str, files: dict[str, str]) -> Iterator[None]:
    """Let torchvision find the checked file of `name`, and let torch read nothing but tensors.

    The file is noted in `files`. Raises FaceRefError where it is missing or damaged.
    """
    found = weights.find_backbone(name)
    files[found.file] = weights.kept_digest(found)
    before = torch.hub.get_dir()
    with TemporaryDirectory() as folder, tensors_only():
        _put(weights.folder() / found.file, name, Path(folder) / "checkpoints")
        torch.hub.set_dir(folder)
        try:
            yield
        finally:
            torch.hub.set_dir(before)


def _put(kept: Path, name: str, folder: Path) -> None:
    """Lay the backbone `name` into `folder` where torchvision finds it."""
    folder.mkdir()
    wanted = folder / weights.weight_file(name).file
    if kept.name == wanted.name:
        wanted.symlink_to(kept.absolute())
    else:
        write_torchvision_file(kept, name, wanted)


@contextmanager
def tensors_only() -> Iterator[None]:
    """Make every `torch.load` refuse whatever is not weights, whatever its caller says."""
    variable = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(variable)
    os.environ[variable] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
