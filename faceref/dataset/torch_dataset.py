"""Face_Ref as a torch data set: `faceref.load(...)`.

Parquet cannot be mapped into memory, so the encoded faces of a split are written once, as an Arrow
file, to a cache; from there each item is read where it lies. Workers open the same file: the pages
are shared, and what is sent to them is its path with the ids and the rows of the references.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import REFERENCE_LISTS, SPLITS, decode
from faceref.errors import FaceRefError, unknown_choice
from faceref.images import downsample

CACHE = "FACEREF_CACHE"
"""Variable that names the folder of the cache; default `~/.cache/face_ref`."""
POOL = "train"
BLOCK = 256
"""Faces that a stream takes from the file one after the other."""
SCALES = (4, 8, 16)
_SCHEMA = pa.schema([("image", pa.large_binary())])
Item = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What an item holds."""

    references: int
    reference_list: str
    scale: int

    def __post_init__(self) -> None:
        if self.references < 0:
            raise FaceRefError(f"references={self.references}: 0 or more.")
        if self.reference_list not in REFERENCE_LISTS:
            raise unknown_choice("reference list", self.reference_list, REFERENCE_LISTS)
        if self.scale not in SCALES:
            raise unknown_choice("scale", str(self.scale), [str(scale) for scale in SCALES])


class Mapped:
    """The encoded faces of one split in a file that is mapped, not read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._images: pa.ChunkedArray | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_images": None}

    @property
    def images(self) -> pa.ChunkedArray:
        """The encoded images; the file is opened by whoever asks first."""
        if self._images is None:
            self._images = pa.ipc.open_file(pa.memory_map(str(self.path))).read_all()["image"]
        return self._images

    def __getitem__(self, row: int) -> np.ndarray:
        """One face, uint8 RGB (S, S, 3)."""
        return decode(self.images[row].as_buffer().to_pybytes())


class FaceRefDataset(Dataset[Item]):
    """Faces of a split with their references, at random access.

    An item is a dict of `lr` (3, S / scale, S / scale), `hr` (3, S, S), `refs` (K, 3, S, S), uint8
    RGB, S = 128; `image_id`, and `ref_ids`, a list of K. The LR face is Pillow's bicubic of the HR
    face. References are best first; where a face has fewer than K they begin again.
    `torch.utils.data.default_collate` makes batches of them.
    """

    def __init__(self, root: Path, split: str, request: Request) -> None:
        face_ref = FaceRef.open(root)
        if split not in SPLITS:
            raise unknown_choice("split", split, SPLITS)
        self.request = request
        self.image_ids: list[str] = face_ref.column(split, "image_id")
        self._faces = mapped(face_ref, split)
        self._pool = self._faces if split == POOL else mapped(face_ref, POOL)
        ids = np.array(face_ref.column(POOL, "image_id"))
        self._pool_ids = ids
        self._references = _rows(face_ref, split, request, ids)

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, row: int) -> Item:
        hr, chosen = self._faces[row], self._references[row].tolist()
        refs = [_tensor(self._pool[place]) for place in chosen]
        return {
            "lr": _tensor(downsample(hr, len(hr) // self.request.scale)),
            "hr": _tensor(hr),
            "refs": torch.stack(refs) if refs else torch.zeros(0, 3, *hr.shape[:2]).byte(),
            "image_id": self.image_ids[row],
            "ref_ids": self._pool_ids[chosen].tolist(),
        }


class FaceRefStream(IterableDataset[Item]):
    """The items of a `FaceRefDataset` in blocks of the file, dealt out to the workers.

    For loaders that want an iterable; the cache is written first, as for random access.

    With a `seed` the blocks and the faces within each come in an order that it fixes.
    """

    def __init__(self, faces: FaceRefDataset, seed: int | None = None) -> None:
        self.faces, self.seed = faces, seed

    def __iter__(self) -> Iterator[Item]:
        blocks = [
            list(range(start, min(start + BLOCK, len(self.faces))))
            for start in range(0, len(self.faces), BLOCK)
        ]
        if self.seed is not None:
            draw = random.Random(self.seed)
            draw.shuffle(blocks)
            for block in blocks:
                draw.shuffle(block)
        worker = get_worker_info()
        mine = blocks if worker is None else blocks[worker.id :: worker.num_workers]
        return (self.faces[row] for row in chain.from_iterable(mine))


def load(
    path: str | Path,
    split: str = "train",
    *,
    references: int = 5,
    reference_list: str = "refs_lr",
    scale: int = 8,
    streaming: bool = False,
    seed: int | None = None,
) -> FaceRefDataset | FaceRefStream:
    """Open a split of the Face_Ref at `path` for torch; see `FaceRefDataset` for its items.

    `streaming` gives a `FaceRefStream`, shuffled where a `seed` is given. Raises FaceRefError for
    an unknown split, list or scale, and where a face has no reference to repeat.
    """
    faces = FaceRefDataset(Path(path), split, Request(references, reference_list, scale))
    return FaceRefStream(faces, seed) if streaming else faces


def _tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _rows(face_ref: FaceRef, split: str, request: Request, ids: np.ndarray) -> np.ndarray:
    """Rows of the pool for each face, (N, K)."""
    place = {image_id: row for row, image_id in enumerate(ids.tolist())}
    found = np.zeros((face_ref.count(split), request.references), np.int64)
    for row, listed in enumerate(face_ref.column(split, request.reference_list)):
        known = [place[item["image_id"]] for item in listed]
        if request.references and not known:
            raise FaceRefError(
                f"Face {row} of {split} has no reference in {request.reference_list}. Give "
                "references=0, or build Face_Ref with more people."
            )
        for rank in range(request.references):
            found[row, rank] = known[rank % len(known)]
    return found


def mapped(face_ref: FaceRef, split: str) -> Mapped:
    """The cached file of a split, written if it is not there yet.

    Its name tells the content of the shards. It is written under a name of its own and renamed, so
    that two processes at once do no harm.
    """
    folder = Path(os.environ.get(CACHE, Path.home() / ".cache" / "face_ref"))
    path = folder / f"{split}-{_digest(face_ref.shards(split))}.arrow"
    if path.exists():
        return Mapped(path)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            images = (image for _, image in face_ref.stream(split))
            while batch := list(islice(images, BLOCK)):
                writer.write_batch(pa.record_batch([pa.array(batch, pa.large_binary())], _SCHEMA))
        temporary.replace(path)
    except OSError as error:
        if temporary.exists():
            temporary.unlink()
        raise FaceRefError(
            f"Cannot write the cache {folder}: {error.strerror or error}. Set {CACHE} to a folder "
            "with room."
        ) from error
    return Mapped(path)


def _digest(shards: Sequence[Path]) -> str:
    """Of the whole content of the shards, so that a changed image is never read from a cache."""
    digest = hashlib.sha256()
    for path in shards:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]
