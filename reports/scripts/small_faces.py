"""The faces of a finished set as an encoder of LR faces needs them, from the published images.

Embeddings are not published; whoever has the embedder of the build can compute them again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS, decode
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.images import thumbnail
from faceref.lr_encoder.training import LrFaces, Schedule, train_encoder

CHUNK = 256


@dataclass(frozen=True, eq=False)
class SmallFaces:
    """All faces of a set, train first, then val, then test; arrays have one entry a face."""

    image_ids: np.ndarray
    people: np.ndarray
    """Labels of people, or of their components where the set has these."""
    splits: np.ndarray
    thumbnails: np.ndarray
    """uint8 RGB (N, 16, 16, 3)."""
    embeddings: np.ndarray
    """L2-normalised float32 (N, D), of the HR faces."""

    def take(self, rows: np.ndarray) -> SmallFaces:
        """The faces of `rows`, a mask or places."""
        return SmallFaces(*(getattr(self, field.name)[rows] for field in fields(self)))

    def of(self, *splits: str) -> SmallFaces:
        """The faces of `splits`."""
        return self.take(np.isin(self.splits, splits))

    def __len__(self) -> int:
        return len(self.image_ids)


def see(
    face_ref: FaceRef,
    embedder: Embedder | None,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> SmallFaces:
    """Every face of `face_ref`, made small and embedded by the embedder of its build.

    `cache` is a file (.npz) to keep the result in, for this set alone; with one that is there
    `embedder` may be None. Raises FaceRefError for another embedder or a cache of another set.
    """
    if cache is not None and cache.exists():
        return _read(cache, face_ref)
    if embedder is None:
        raise FaceRefError(f"No cache at {cache}: give the embedder of the build.")
    _refuse_other(face_ref, embedder)
    parted_by = face_ref.manifest["split_rule"]["by"]
    names = (_column(face_ref, name) for name in ("image_id", parted_by, "split"))
    image_ids, people, splits = (np.array(column) for column in names)
    thumbnails, embeddings = _embed(face_ref, embedder, len(image_ids), progress)
    faces = SmallFaces(image_ids, people, splits, thumbnails, embeddings)
    if cache is not None:
        content = {field.name: getattr(faces, field.name) for field in fields(faces)}
        with cache.open("wb") as file:
            np.savez(file, fingerprint=face_ref.manifest["fingerprint"], **content)
    return faces


def train_on(
    faces: SmallFaces,
    out: Path,
    schedule: Schedule,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train an encoder on a set's train split, as its build does; see `train_encoder`."""
    train, val = (
        LrFaces(part.thumbnails, part.embeddings, part.people)
        for part in (faces.of("train"), faces.of("val"))
    )
    report = train_encoder(train, val, out, schedule, device=device, progress=progress)
    return {**report, "sha256": file_sha256(out)}


def _column(face_ref: FaceRef, name: str) -> list[str]:
    return [value for split in SPLITS for value in face_ref.column(split, name)]


def _refuse_other(face_ref: FaceRef, embedder: Embedder) -> None:
    made_with, given = face_ref.manifest["embedder"], embedder.provenance()
    if given != made_with:
        raise FaceRefError(
            f"The set was made with the embedder {made_with}, not with {given}. Give that one: "
            "the targets of the training are its embeddings."
        )


def _embed(
    face_ref: FaceRef, embedder: Embedder, total: int, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray]:
    thumbnails: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    images = (data for split in SPLITS for _, data in face_ref.stream(split))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := list(islice(images, CHUNK)):
            faces = list(pool.map(decode, batch))
            thumbnails += map(thumbnail, faces)
            starts = range(0, len(faces), embedder.batch_size)
            stacks = [np.stack(faces[start : start + embedder.batch_size]) for start in starts]
            embeddings += pool.map(embedder.embed, stacks)
            if progress:
                progress(len(thumbnails), total)
    return np.stack(thumbnails), np.concatenate(embeddings)


def _read(cache: Path, face_ref: FaceRef) -> SmallFaces:
    try:
        with np.load(cache) as content:
            found = str(content["fingerprint"])
            faces = SmallFaces(*(content[field.name] for field in fields(SmallFaces)))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FaceRefError(
            f"{cache} is no cache of LR faces ({type(error).__name__}). Delete it."
        ) from error
    if found != face_ref.manifest["fingerprint"]:
        raise FaceRefError(f"{cache} is of another set. Delete it, or name another file.")
    return faces
