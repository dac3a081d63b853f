"""The faces of a Face_Ref as somebody sees them who has an LR face and looks for references."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceref.console import progress_bar
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import LR_ENCODER, ROWS_PER_GROUP, decode
from faceref.dataset.thumbnails import split_thumbnails
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.images import thumbnail
from faceref.similarity.search import Search, open_search
from faceref.similarity.vectors import Vectors, appearance, weighted, weights_of_both
from faceref.sources.sample import FACES, sample_pool

Queries = Callable[[np.ndarray], np.ndarray]
"""LR faces, uint8 RGB (N, 16, 16, 3), to the vectors that are searched for."""
POOL = "train"
HELD = 128
"""Blocks of encoded faces that are kept in memory: less than 1 GiB."""


@dataclass(frozen=True)
class FoundReference:
    """A reference for an LR face."""

    image_id: str
    score: float
    image: np.ndarray
    """uint8 RGB (128, 128, 3)."""


def lr_likeness(faces: FaceRef) -> str:
    """What the `refs_lr` of a set are similar in: `identity`, `appearance` or `both`."""
    return faces.manifest["mining"]["likeness"]["refs_lr"]


def _embedding(provenance: dict[str, Any]) -> dict[str, Any]:
    """What embeddings of aligned faces depend on, without what finds faces in photographs."""
    models = provenance.get("models", {})
    recognition = models.get("recognition", {}).get("sha256")
    names = ("name", "template", "chip")
    return {"recognition": recognition, **{name: provenance.get(name) for name in names}}


def _need_same(faces: FaceRef, embedder: Embedder | None) -> Embedder:
    """Raise FaceRefError unless `embedder` embeds as the build of the set did."""
    kind, made_with = lr_likeness(faces), faces.manifest["embedder"]
    if embedder is None or _embedding(embedder.provenance()) != _embedding(made_with):
        pack = f" --pack {made_with['pack']}" if "pack" in made_with else ""
        raise FaceRefError(
            f"The refs_lr of {faces.root} are by {kind}, so its faces are embedded as in its "
            f"build: give --embedder {made_with['name']}{pack}, the same models"
            f"{'' if embedder is None else ' (others were given)'}; or a set built with "
            "--likeness-lr appearance."
        )
    return embedder


def _searched(faces: FaceRef, embedder: Embedder | None) -> tuple[np.ndarray, Queries]:
    """Vectors of the pool, and what makes those of LR faces, as the `refs_lr` of the set have them.

    Of both likenesses the weights are reckoned from the pool alone; the build took all faces.
    """
    kind, bar = lr_likeness(faces), partial(progress_bar, unit="faces")
    if kind == "appearance":
        return appearance(split_thumbnails(faces, POOL, bar)), appearance
    from faceref.lr_encoder.model import embed_lr, load_encoder

    known = _embedded(faces, _need_same(faces, embedder))
    sha256 = faces.manifest["lr_encoder"]["sha256"]
    predict = partial(embed_lr, load_encoder(faces.root / LR_ENCODER, sha256=sha256))
    if kind == "identity":
        return known, predict
    small = split_thumbnails(faces, POOL, bar)
    seen = appearance(small)
    weights = weights_of_both(Vectors(predict(small), known), seen, faces.manifest["seed"])
    return weighted(weights, known, seen), lambda lr: weighted(weights, predict(lr), appearance(lr))


def _embedded(faces: FaceRef, embedder: Embedder) -> np.ndarray:
    """Embeddings of the pool."""
    stream, found, done = faces.stream_faces(POOL), [], 0
    with progress_bar("Embedding the pool", "faces") as progress:
        while batch := [face for _, face in islice(stream, embedder.batch_size)]:
            found.append(embedder.embed(np.stack(batch)))
            done += len(batch)
            progress(done, faces.count(POOL))
    return np.concatenate(found)


def _block(faces: FaceRef, number: int) -> list[bytes]:
    """Encoded faces of the pool, `ROWS_PER_GROUP` from `number` times as many on."""
    start, count = number * ROWS_PER_GROUP, faces.count(POOL)
    rows = range(start, min(start + ROWS_PER_GROUP, count))
    return [encoded for _, encoded in faces.encoded(POOL, rows)]


class Gallery:
    """Faces to find references among: the train split of a set, searched as its `refs_lr` were."""

    def __init__(
        self, faces: FaceRef | str | Path | None = None, embedder: Embedder | None = None
    ) -> None:
        """Read the pool of `faces`.

        Args:
            faces: A Face_Ref, or its folder; None: the embedded sample, searched by appearance.
            embedder: That of the build; needed where `refs_lr` are by identity, or by both.

        Raises:
            FaceRefError: Where the embedder is missing or another.
        """
        self._image: Callable[[int], np.ndarray]
        self._queries: Queries = appearance
        if faces is None:
            self._ids, images = sample_pool()
            self._image = images.__getitem__
            keys = appearance(np.stack([thumbnail(face) for face in images]))
            self.fingerprint = file_sha256(FACES)
        else:
            opened = FaceRef.open(faces)
            self.fingerprint = opened.manifest["fingerprint"]
            self._ids = opened.column(POOL, "image_id")
            blocks = lru_cache(HELD)(partial(_block, opened))
            self._image = lambda row: decode(blocks(row // ROWS_PER_GROUP)[row % ROWS_PER_GROUP])
            keys, self._queries = _searched(opened, embedder)
        self._search: Search = open_search(keys)

    def find(self, lr: np.ndarray, count: int) -> list[list[FoundReference]]:
        """The `count` best references of each LR face.

        Args:
            lr: LR faces, uint8 RGB (N, 16, 16, 3).
            count: References for each; fewer where the pool has no more.

        Returns:
            For each face its references, best first.
        """
        if not count or not len(lr):
            return [[] for _ in lr]
        scores, rows = self._search(self._queries(lr), min(count, len(self._ids)))
        return [
            [self._found(row, score) for row, score in zip(*pair, strict=True)]
            for pair in zip(rows.tolist(), scores.tolist(), strict=True)
        ]

    def _found(self, row: int, score: float) -> FoundReference:
        return FoundReference(self._ids[row], round(score, 4), self._image(row))
