"""The LR encoder: predicts the identity embedding of a HR face from its 16x16 version.

A stock face embedder cannot: on an upsampled 16x16 face it is near random. This network is trained
on the train split of one set, with the set's own embeddings as targets, and lies in the set as
`lr_encoder.safetensors`: whoever holds the set can retrieve references with what a deployed system
sees. Its weights come under the terms of the set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.files import file_sha256, write_bytes
from faceref.hardware import open_device
from faceref.reading.boundary import reading
from faceref.reading.json_file import parse_json
from faceref.reading.shape import Number, need_shape
from faceref.reading.weights import read_safetensors

SIDE = 16
WIDTH = 32
DEPTH = 2
BATCH = 256
FORMAT = 2
_AGAIN = "Build the set again."
_SHAPE = {
    "format": Number(whole=True),
    "dims": Number(1, 2**12, whole=True),
    "width": Number(1, 2**10, whole=True),
    "depth": Number(0, 2**6, whole=True),
}
MAX_BYTES = 5_000_000
"""An encoder is small enough to lie in every set."""


class _Block(nn.Module):
    """Residual block with batch normalisation (He et al., CVPR 2016); begins as the identity.

    In training one face in ten skips it (stochastic depth, Huang et al., ECCV 2016).
    """

    def __init__(self, width: int, skipped: float = 0.1) -> None:
        super().__init__()
        self.skipped = skipped
        self.net = nn.Sequential(*_layer(width, width), nn.SiLU(), *_layer(width, width))
        last = self.net[-1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        change = self.net(x)
        if self.training:
            taken = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.skipped
            change = change * taken / (1 - self.skipped)
        return F.silu(x + change)


def _layer(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)]


class LrEncoder(nn.Module):
    """RGB (N, 3, 16, 16), standardised by `standardise`, to embeddings (N, D), not normalised.

    Most work is done at 8x8 and 4x4; the last layer sees where in the face each feature was, which
    aligned faces make worth knowing. 1.09 million weights for D = 128.
    """

    def __init__(
        self, dims: int, width: int = WIDTH, depth: int = DEPTH, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.dims, self.width, self.depth = dims, width, depth
        layers: list[nn.Module] = [*_layer(3, width), nn.SiLU()]
        for before, after in ((width, 2 * width), (2 * width, 4 * width)):
            layers += [*_layer(before, after, 2), nn.SiLU()]
            layers += [_Block(after) for _ in range(depth)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(4 * width * (SIDE // 4) ** 2, dims)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.head(self.body(x))


def standardise(images: Tensor) -> Tensor:
    """Float RGB (N, 3, 16, 16) with each colour's mean and the face's deviation taken out."""
    centred = images - images.mean((2, 3), keepdim=True)
    return centred / centred.std((1, 2, 3), keepdim=True).clamp_min(0.02)


def as_images(thumbnails: np.ndarray) -> Tensor:
    """uint8 RGB (N, 16, 16, 3) as float32 in [0, 1], (N, 3, 16, 16); raises ValueError."""
    if thumbnails.ndim != 4 or thumbnails.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"need faces of shape (N, 16, 16, 3), got {thumbnails.shape}")
    if thumbnails.dtype != np.uint8:
        raise ValueError(f"need uint8 faces, got {thumbnails.dtype}")
    return torch.from_numpy(thumbnails.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch on the CPU, for sums depend on their number; as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def embed_lr(encoder: LrEncoder, thumbnails: np.ndarray) -> np.ndarray:
    """L2-normalised float32 (N, D) for uint8 RGB faces (N, 16, 16, 3).

    The mean over the face and its mirror image: identity does not change in a mirror. Every batch
    has the same size, the last one filled up, and one thread is used, so that an embedding depends
    on its face alone. Raises ValueError for faces of another shape or kind.
    """
    encoder.eval()
    device = encoder.head.weight.device
    images = as_images(thumbnails)
    vectors = np.zeros((len(images), encoder.dims), np.float32)
    with one_thread():
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            filled = torch.cat([batch, batch.new_zeros(BATCH - len(batch), *batch.shape[1:])])
            faces = standardise(filled.to(device))
            both = torch.stack([encoder(faces), encoder(faces.flip(-1))])
            mean = F.normalize(both.float(), dim=-1).mean(0)
            vectors[start : start + BATCH] = mean[: len(batch)].cpu().numpy()
    return normalise(vectors)


def save_encoder(encoder: LrEncoder, path: Path) -> str:
    """Write half-precision weights as safetensors; returns the SHA-256 of the file.

    It is written under a temporary name, then renamed. Raises FaceRefError where it would be larger
    than `MAX_BYTES`.
    """
    from safetensors.torch import save as as_bytes

    weights = {name: _stored(value) for name, value in encoder.state_dict().items()}
    size = sum(value.nbytes for value in weights.values())
    if size > MAX_BYTES * 0.99:
        raise FaceRefError(
            f"An encoder of {encoder.dims} dimensions and width {encoder.width} takes {size:,} "
            f"bytes; {MAX_BYTES:,} are allowed. Choose a smaller width."
        )
    names = ("dims", "width", "depth")
    shape = {"format": FORMAT, **{name: getattr(encoder, name) for name in names}}
    metadata = {"lr_encoder": json.dumps(shape, sort_keys=True)}
    write_bytes(path, as_bytes(weights, metadata))
    return file_sha256(path)


def _stored(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value.contiguous()


def load_encoder(path: Path, device: str = "cpu", sha256: str | None = None) -> LrEncoder:
    """Read an encoder on to `cpu` or `cuda`.

    Raises FaceRefError where there is none, it is damaged or not the one that `sha256` names, or
    the device is not to be had.
    """
    if not path.exists():
        raise FaceRefError(
            f"No LR encoder at {path}. Build the set with --likeness-lr identity or both. A set "
            "that was hydrated lacks it where its source forbids to publish it: build the set from "
            "the source."
        )
    if sha256 is not None and file_sha256(path) != sha256:
        raise FaceRefError(
            f"{path} is damaged or was replaced: SHA-256 {file_sha256(path)[:12]}..., recorded "
            f"{sha256[:12]}.... Build the set again."
        )
    with reading(path, _AGAIN, "is damaged or no LR encoder"):
        encoder = _read(path)
    return encoder.to(open_device(device)).eval()


def _read(path: Path) -> LrEncoder:
    weights, metadata = read_safetensors(path, _AGAIN)
    shape = parse_json(metadata["lr_encoder"], path, _AGAIN)
    need_shape(shape, _SHAPE, path, _AGAIN)
    if shape["format"] != FORMAT:
        raise ValueError(f"format {shape['format']}, needed {FORMAT}")
    encoder = LrEncoder(shape["dims"], shape["width"], shape["depth"])
    encoder.load_state_dict(
        {name: v.float() if v.is_floating_point() else v for name, v in weights.items()}
    )
    return encoder
