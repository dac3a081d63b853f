"""The faces of a Face_Ref as somebody sees them who has a LR face and looks for references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceref.dataset.store import LR_ENCODER, FaceRef, decode
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError
from faceref.images import thumbnail
from faceref.similarity.search import Search, open_search
from faceref.similarity.vectors import appearance

POOL = "train"


@dataclass(frozen=True)
class FoundReference:
    """A reference for a LR face."""

    image_id: str
    score: float
    image: np.ndarray
    """uint8 RGB (128, 128, 3)."""


class Gallery:
    """The train split of a set, searched as its `refs_lr` were."""

    def __init__(self, root: Path, embedder: Embedder | None = None) -> None:
        self.face_ref = FaceRef.open(root)
        self.kind: str = self.face_ref.manifest["mining"]["likeness"]["refs_lr"]
        rows = list(self.face_ref.stream(POOL))
        self._ids = [image_id for image_id, _ in rows]
        self._images = [image for _, image in rows]
        self._search: Search = open_search(self._keys(embedder))

    def _keys(self, embedder: Embedder | None) -> np.ndarray:
        faces = (decode(image) for image in self._images)
        if self.kind == "appearance":
            return appearance(np.stack([thumbnail(face) for face in faces]))
        made_with = self.face_ref.manifest["embedder"]
        if self.kind != "identity" or embedder is None or embedder.provenance() != made_with:
            raise FaceRefError(
                f"The refs_lr of {self.face_ref.root} are alike by {self.kind}. Give the embedder "
                "of its build with --pack for identity, or a set built with --likeness-lr "
                "appearance, which needs none."
            )
        return np.concatenate([embedder.embed(face[None]) for face in faces])

    def find(self, small: np.ndarray, count: int) -> list[list[FoundReference]]:
        """The `count` best references for each of the LR faces, uint8 RGB (N, 16, 16, 3)."""
        if not count or not len(small):
            return [[] for _ in small]
        scores, rows = self._search(self._queries(small), min(count, len(self._ids)))
        return [
            [self._found(row, score) for row, score in zip(*pair, strict=True)]
            for pair in zip(rows.tolist(), scores.tolist(), strict=True)
        ]

    def _queries(self, small: np.ndarray) -> np.ndarray:
        if self.kind == "appearance":
            return appearance(small)
        from faceref.lr_encoder.model import embed_lr, load_encoder

        return embed_lr(load_encoder(self.face_ref.root / LR_ENCODER), small)

    def _found(self, row: int, score: float) -> FoundReference:
        return FoundReference(self._ids[row], round(score, 4), decode(self._images[row]))
