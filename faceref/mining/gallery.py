"""The faces of a Face_Ref as somebody sees them who has an LR face and looks for references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import LR_ENCODER, decode
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError
from faceref.images import thumbnail
from faceref.similarity.search import Search, open_search
from faceref.similarity.vectors import appearance

POOL = "train"


@dataclass(frozen=True)
class FoundReference:
    """A reference for an LR face."""

    image_id: str
    score: float
    image: np.ndarray
    """uint8 RGB (128, 128, 3)."""


class Gallery:
    """The train split of a set, searched as its `refs_lr` were."""

    def __init__(self, faces: FaceRef | str | Path, embedder: Embedder | None = None) -> None:
        """Read the pool of `faces`.

        Args:
            faces: A Face_Ref, or its folder.
            embedder: That of the build; needed where `refs_lr` are by identity.

        Raises:
            FaceRefError: Where the embedder is missing or another.
        """
        self.face_ref = FaceRef.open(faces)
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
                f"The refs_lr of {self.face_ref.root} are by {self.kind}. For identity give the "
                "embedder of its build with --pack; or give a set built with --likeness-lr "
                "appearance, which needs none."
            )
        return np.concatenate([embedder.embed(face[None]) for face in faces])

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

    def _queries(self, lr: np.ndarray) -> np.ndarray:
        if self.kind == "appearance":
            return appearance(lr)
        from faceref.lr_encoder.model import embed_lr, load_encoder

        return embed_lr(load_encoder(self.face_ref.root / LR_ENCODER), lr)

    def _found(self, row: int, score: float) -> FoundReference:
        return FoundReference(self._ids[row], round(score, 4), decode(self._images[row]))
