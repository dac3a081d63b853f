"""Face_Ref as a torch data set: `faceref.load(...)`.

Parquet cannot be mapped into memory, so `datasets` writes the encoded faces of a split once, as
Arrow, to a cache; from there each item is read where it lies. Workers open the same file: the pages
are shared, and what is sent to them is its path with the ids and the rows of the references.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.utils.data import Dataset

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import AGAIN, REFERENCE_LISTS, SPLITS, decode
from faceref.dataset.thumbnails import CACHE, cache_folder
from faceref.errors import FaceRefError, unknown_choice
from faceref.files import file_sha256
from faceref.images import resized
from faceref.reading.boundary import broken

if TYPE_CHECKING:
    import datasets

POOL = "train"
SCALES = (4, 8, 16)
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
            raise FaceRefError(f"scale={self.scale!r}: 4, 8 or 16.")


class EncodedFaces:
    """The faces of a split in a mapped file; only its path is pickled."""

    def __init__(self, rows: datasets.Dataset) -> None:
        self.rows = rows
        self._encoded: pa.ChunkedArray | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"rows": self.rows, "_encoded": None}

    @property
    def encoded(self) -> pa.ChunkedArray:
        """The encoded images; the column is found by whoever asks first."""
        if self._encoded is None:
            chunks = self.rows.data.column("image").chunks
            self._encoded = pa.chunked_array([chunk.field("bytes") for chunk in chunks])
        return self._encoded

    def __getitem__(self, row: int) -> np.ndarray:
        """One face, uint8 RGB (S, S, 3), read from the Arrow table without a formatter's cost."""
        return decode(self.encoded[row].as_buffer().to_pybytes())


class FaceRefDataset(Dataset[Item]):
    """Faces of a split with their references, at random access.

    An item is a dict of `lr` (3, S / scale, S / scale), `hr` (3, S, S), `refs` (K, 3, S, S), uint8
    RGB, S = 128; `image_id`, and `ref_ids`, a list of K. The LR face is Pillow's bicubic of the HR
    face. References are best first; where a face has fewer than K they begin again.
    `torch.utils.data.default_collate` makes batches of them.
    """

    def __init__(self, face_ref: FaceRef, split: str, request: Request) -> None:
        if split not in SPLITS:
            raise unknown_choice("split", split, SPLITS)
        self.request = request
        self.image_ids: list[str] = face_ref.column(split, "image_id")
        self._faces = encoded_faces(face_ref, split)
        self._pool = self._faces if split == POOL else encoded_faces(face_ref, POOL)
        ids = np.array(face_ref.column(POOL, "image_id"))
        self._pool_ids = ids
        self._references = _rows(face_ref, split, request)

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, row: int) -> Item:
        hr, chosen = self._faces[row], self._references[row].tolist()
        refs = [_tensor(self._pool[place]) for place in chosen]
        return {
            "lr": _tensor(resized(hr, len(hr) // self.request.scale)),
            "hr": _tensor(hr),
            "refs": torch.stack(refs) if refs else torch.zeros(0, 3, *hr.shape[:2]).byte(),
            "image_id": self.image_ids[row],
            "ref_ids": self._pool_ids[chosen].tolist(),
        }


def load(
    path: str | Path | FaceRef,
    split: str = "train",
    *,
    references: int = 5,
    reference_list: str = "refs_lr",
    scale: int = 8,
) -> FaceRefDataset:
    """Open a split of a Face_Ref for torch.

    Args:
        path: The folder of a Face_Ref, or one that is open.
        split: `train`, `val` or `test`.
        references: Number of references of each face, K.
        reference_list: `refs_lr`, what a deployed system can know, or `refs_hr`.
        scale: Side of the HR face over that of the LR face: 4, 8 or 16.

    Returns:
        A data set whose items are described at `FaceRefDataset`.

    Raises:
        FaceRefError: For an unknown split, list or scale, where a face has no reference to repeat,
            and where the cache cannot be written.
    """
    face_ref = path if isinstance(path, FaceRef) else FaceRef.open(path)
    return FaceRefDataset(face_ref, split, Request(references, reference_list, scale))


def _tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _rows(face_ref: FaceRef, split: str, request: Request) -> np.ndarray:
    """Rows of the pool for each face, (N, K)."""
    lists = face_ref.column(split, request.reference_list)
    found = np.zeros((len(lists), request.references), np.int64)
    for row, listed in enumerate(lists):
        known = [face_ref.pool.place(item["image_id"]) for item in listed]
        if request.references and not known:
            raise FaceRefError(
                f"Face {row} of {split} has no reference in {request.reference_list}. Give "
                "references=0, or build Face_Ref with more people."
            )
        for rank in range(request.references):
            found[row, rank] = known[rank % len(known)]
    return found


def encoded_faces(face_ref: FaceRef, split: str) -> EncodedFaces:
    """The encoded faces of a split, mapped from the cache, which is written where it lacks them.

    `datasets` goes by the time at which a shard was written; the folder goes by the content of the
    shards, so that a changed image is never read from an old cache.
    """
    from datasets import Dataset as ArrowDataset
    from datasets.exceptions import DatasetGenerationError

    shards = face_ref.shards(split)
    content = hashlib.sha256("".join(map(file_sha256, shards)).encode()).hexdigest()[:16]
    folder = cache_folder()
    try:
        rows = ArrowDataset.from_parquet(
            [str(path) for path in shards],
            cache_dir=str(folder / f"{split}-{content}"),
            columns=["image"],
        )
    except (OSError, DatasetGenerationError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise broken(face_ref.root / "data", error, AGAIN) from error
        raise FaceRefError(
            f"Cannot write the cache {folder}: {cause.strerror or cause}. Set {CACHE} to a folder "
            "with room."
        ) from error
    return EncodedFaces(rows)  # pyright: ignore[reportArgumentType]
