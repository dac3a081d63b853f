"""The faces of a split at 16x16, as searches see them; those of a large split are kept.

Decoding the faces of CelebA takes a minute. So once made, their thumbnails go to the cache beside
what `faceref.load` keeps there, and are found again as long as the shards are the same files.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np

from faceref.arrays import write_array
from faceref.console import Bar
from faceref.dataset.face_ref import FaceRef
from faceref.errors import UnwritableError
from faceref.images import THUMBNAIL

CACHE = "FACEREF_CACHE"
"""Variable that names the folder of the cache; default `~/.cache/face_ref`."""
KEPT_FROM = 5_000
"""Faces from which on thumbnails are kept."""


def cache_folder() -> Path:
    """Where encoded faces and thumbnails are kept."""
    return Path(os.environ.get(CACHE, Path.home() / ".cache" / "face_ref"))


def split_thumbnails(faces: FaceRef, split: str, bar: Bar | None = None) -> np.ndarray:
    """The faces of a split at 16x16, uint8 RGB (N, 16, 16, 3), from the cache if it has them.

    Where the cache cannot be written they are made anew each time. `bar` opens a progress bar where
    that takes long.

    Raises:
        FaceRefError: For an unknown split, and for an image that is damaged.
    """
    count = faces.count(split)
    if count < KEPT_FROM:
        return faces.thumbnails(split)
    file = cache_folder() / f"{split}-thumbnails-{_key(faces.shards(split))}.npy"
    with suppress(OSError, ValueError, EOFError):
        kept = np.load(file, allow_pickle=False)
        if kept.shape == (count, THUMBNAIL, THUMBNAIL, 3) and kept.dtype == np.uint8:
            return kept
    with bar("Reading the pool") if bar else nullcontext() as progress:
        made = faces.thumbnails(split, progress)
    with suppress(OSError, UnwritableError):
        write_array(file, count, [made])
    return made


def _key(shards: list[Path]) -> str:
    """Changes whenever a shard is written."""
    known = [(str(path.resolve()), (s := path.stat()).st_size, s.st_mtime_ns) for path in shards]
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]
