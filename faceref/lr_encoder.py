"""The small-face encoder: tells the identity embedding of a sharp face from its 16x16 version.

A stock face embedder cannot: on an enlarged 16x16 face it is near random. This network is trained
on the train split of one set, with the set's own embeddings as targets, and lies in the set as
`lr_encoder.safetensors`: whoever holds the set can retrieve references with what a deployed system
sees. Its weights come under the terms of the set.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceref.embed.base import normalise
from faceref.errors import FaceRefError

SIDE = 16
WIDTH = 48
BATCH = 256
FORMAT = 1


class _Block(nn.Module):
    """Residual block with batch normalisation (He et al., CVPR 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(*_layer(width, width), nn.ReLU(), *_layer(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.net(x))


def _layer(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)]


class LrEncoder(nn.Module):
    """RGB (N, 3, 16, 16), standardised by `standardise`, to embeddings (N, D), not normalised."""

    def __init__(self, dims: int, width: int = WIDTH, dropout: float = 0.2) -> None:
        super().__init__()
        self.dims, self.width = dims, width
        layers: list[nn.Module] = [*_layer(3, width), nn.ReLU(), _Block(width), _Block(width)]
        layers += [*_layer(width, 2 * width, 2), nn.ReLU(), _Block(2 * width), _Block(2 * width)]
        layers += [*_layer(2 * width, 4 * width, 2), nn.ReLU(), _Block(4 * width)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(4 * width * (SIDE // 4) ** 2, dims)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.head(self.body(x))


def standardise(images: Tensor) -> Tensor:
    """Float RGB (N, 3, 16, 16) with the mean and deviation of each face taken out."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) / (images.std((1, 2, 3), keepdim=True) + 0.05)


def as_images(thumbnails: np.ndarray) -> Tensor:
    """uint8 RGB (N, 16, 16, 3) as float32 in [0, 1], (N, 3, 16, 16); raises ValueError."""
    if thumbnails.ndim != 4 or thumbnails.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"need faces of shape (N, 16, 16, 3), got {thumbnails.shape}")
    if thumbnails.dtype != np.uint8:
        raise ValueError(f"need uint8 faces, got {thumbnails.dtype}")
    return torch.from_numpy(thumbnails.astype(np.float32)).permute(0, 3, 1, 2) / 255


@torch.no_grad()
def embed_lr(encoder: LrEncoder, thumbnails: np.ndarray) -> np.ndarray:
    """L2-normalised float32 (N, D) for uint8 RGB faces (N, 16, 16, 3).

    The mean over the face and its mirror image: identity does not change in a mirror.
    """
    encoder.eval()
    device = encoder.head.weight.device
    found = []
    for start in range(0, len(thumbnails), BATCH):
        images = standardise(as_images(thumbnails[start : start + BATCH])).to(device)
        both = torch.stack([encoder(images), encoder(images.flip(-1))])
        found.append(F.normalize(both.float(), dim=-1).mean(0).cpu().numpy())
    joined = np.concatenate(found) if found else np.zeros((0, encoder.dims), np.float32)
    return normalise(joined)


def save(encoder: LrEncoder, path: Path) -> None:
    """Write half-precision weights as safetensors, under a temporary name, then rename."""
    from safetensors.torch import save_file

    weights = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in encoder.state_dict().items()
    }
    shape = {"format": FORMAT, "dims": encoder.dims, "width": encoder.width}
    temporary = path.with_suffix(".tmp")
    save_file(weights, temporary, metadata={"lr_encoder": json.dumps(shape, sort_keys=True)})
    temporary.replace(path)


def load(path: Path, device: str = "cpu") -> LrEncoder:
    """Read an encoder; raises FaceRefError where there is none or it is damaged."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise FaceRefError(
            f"No small-face encoder at {path}. Build the set with --likeness-lr identity or both."
        )
    try:
        with safe_open(path, "pt") as file:
            shape = json.loads(file.metadata()["lr_encoder"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        encoder = LrEncoder(shape["dims"], shape["width"])
        encoder.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
        )
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise FaceRefError(
            f"{path} is damaged or no small-face encoder ({type(error).__name__}). "
            "Build the set again."
        ) from error
    return encoder.to(device).eval()
