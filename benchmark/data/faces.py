"""Face_Ref as tensors: HR and LR faces, and the references that methods are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

import numpy as np
import torch
from torch import Tensor

from benchmark.protocol.degradation import degrade_all
from benchmark.protocol.tasks import HR_SIZE, LR_SIZE, SCALE
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.pool import Pool
from faceref.dataset.revision import references_digest
from faceref.dataset.store import REFERENCE_LISTS
from faceref.errors import FaceRefError, unknown_choice

LISTS = (*REFERENCE_LISTS, "both", "random")
"""`both` alternates between the two lists, each image once; training draws from it. `random` are
faces of other people, drawn with a fixed seed."""
RANDOM_REFERENCES = 64
"""Random references of a face."""


@dataclass(frozen=True, eq=False)
class Faces:
    """One split: HR and LR faces, and rows of their references in the pool."""

    image_ids: list[str]
    hr: np.ndarray
    """uint8 RGB, (N, 128, 128, 3)."""
    lr: np.ndarray
    """uint8 RGB, (N, 16, 16, 3) at x8."""
    references: list[list[int]]
    """Rows of the pool, best first."""
    pool: Pool
    people: np.ndarray | None = None
    """A number for each face's person, int64 (N,); None: nobody is known to be there twice."""

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows: Sequence[int]) -> Faces:
        """The faces of `rows`."""
        return Faces(
            [self.image_ids[row] for row in rows],
            self.hr[rows],
            self.lr[rows],
            [self.references[row] for row in rows],
            self.pool,
            None if self.people is None else self.people[rows],
        )

    def given(self, count: int) -> Faces:
        """The same with the first `count` references of each, and these as the whole pool.

        So only faces that are given as references are ever decoded.
        """
        first = [rows[:count] for rows in self.references]
        used = sorted(set(chain.from_iterable(first)))
        place = {row: at for at, row in enumerate(used)}
        references = [[place[row] for row in rows] for rows in first]
        return replace(self, references=references, pool=self.pool.part(used))

    def batch(self, rows: Sequence[int], count: int) -> tuple[Tensor, Tensor, Tensor]:
        """LR (N, 3, 16, 16), first `count` references (N, K, 3, 128, 128), HR (N, 3, 128, 128).

        float32 RGB in [0, 1]. A face with fewer references has them repeated in turn.
        """
        chosen = [cycle(self.references[row], count) for row in rows]
        return as_batch(self.lr[list(rows)]), self.stack(chosen), as_batch(self.hr[list(rows)])

    def stack(self, chosen: Sequence[Sequence[int]]) -> Tensor:
        """Pool rows (N lists of K) as float32 RGB in [0, 1], (N, K, 3, 128, 128)."""
        return stack(self.pool, chosen)


def stack(pool: Pool, chosen: Sequence[Sequence[int]]) -> Tensor:
    """Rows of `pool` (N lists of K) as float32 RGB in [0, 1], (N, K, 3, 128, 128)."""
    flat = list(chain.from_iterable(chosen))
    if not flat:
        return no_references(chosen)
    return as_batch(pool.images[flat]).view(len(chosen), -1, 3, HR_SIZE, HR_SIZE)


def digest_of(pool: Pool, references: Sequence[Sequence[int]]) -> str:
    """`references_digest` of references that are rows of `pool`."""
    ids = list(pool.row)
    return references_digest([[ids[row] for row in rows] for rows in references])


def no_references(batch: Sequence[object]) -> Tensor:
    """References for K = 0: an empty tensor (N, 0, 3, 128, 128)."""
    return torch.zeros(len(batch), 0, 3, HR_SIZE, HR_SIZE)


def as_batch(images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) as float32 in [0, 1], (N, 3, H, W)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255)


def cycle(rows: Sequence[int], count: int) -> list[int]:
    """The first `count` of `rows`, beginning again where there are fewer."""
    if count and not rows:
        raise FaceRefError("A face has no reference. Build Face_Ref with more people.")
    return [rows[place % len(rows)] for place in range(count)]


def read_split(
    face_ref: FaceRef,
    split: str,
    reference_list: str,
    *,
    degradation: str = "bicubic",
    scale: int = SCALE,
) -> Faces:
    """Read a split with its references. The pool's images are not decoded here, but for train.

    Args:
        face_ref: The opened set.
        split: `train`, `val` or `test`.
        reference_list: One of `LISTS`.
        degradation: How LR faces are made, one of
            `benchmark.protocol.degradation.DEGRADATIONS`.
        scale: By how much LR faces are smaller.

    Returns:
        The faces in row order.

    Raises:
        FaceRefError: For an unknown split, list or degradation.

    Example:
        >>> val = read_split(faces, "val", "refs_lr")
        >>> lr, refs, hr = val.batch([0, 1], count=5)
        >>> refs.shape
        torch.Size([2, 5, 3, 128, 128])
    """
    if reference_list not in LISTS:
        raise unknown_choice("reference list", reference_list, LISTS)
    hr = face_ref.pool.images if split == "train" else face_ref.images(split)
    ids = face_ref.column(split, "image_id")
    lr = degrade_all(hr, ids, degradation, scale)
    references = reference_rows(face_ref, split, reference_list)
    people = np.unique(face_ref.column(split, "identity"), return_inverse=True)[1]
    return Faces(ids, hr, lr, references, face_ref.pool, people)


def reference_rows(face_ref: FaceRef, split: str, reference_list: str) -> list[list[int]]:
    """Of each face of a split the rows of its references in the pool, best first."""
    if reference_list == "random":
        return random_references(face_ref, face_ref.column(split, "identity"), RANDOM_REFERENCES)
    names = REFERENCE_LISTS if reference_list == "both" else (reference_list,)
    columns = [face_ref.column(split, name) for name in names]
    return [_merge(lists, face_ref.pool) for lists in zip(*columns, strict=True)]


def random_references(face_ref: FaceRef, people: Sequence[str], count: int) -> list[list[int]]:
    """For each of `people` up to `count` rows of the train split, none of their own.

    Drawn with a fixed seed.
    """
    labels = np.array(face_ref.column("train", "identity"))
    rng = np.random.default_rng(0)
    found = []
    for person in people:
        order = rng.permutation(len(labels))[: 4 * count + 64]
        found.append(order[labels[order] != person][:count].tolist())
    return found


def found_in(faces: Faces, pool: FaceRef, count: int) -> Faces:
    """`faces`, with `count` references each from the train split of a set, fewer if it has fewer.

    They are the most alike by the correlation of LR faces at 16x16, as `refs_lr` are found by
    default; nobody is left out, so the two sets must share no person.
    """
    from faceref.dataset.thumbnails import split_thumbnails
    from faceref.images import resized
    from faceref.similarity.search import open_search
    from faceref.similarity.vectors import appearance

    small = split_thumbnails(pool, "train")
    seen = appearance(np.stack([resized(face, LR_SIZE) for face in faces.lr]))
    _, rows = open_search(appearance(small))(seen, min(count, len(small)))
    return replace(faces, references=rows.tolist(), pool=pool.pool)


def lengthened(faces: Faces, pool: FaceRef, count: int) -> Faces:
    """`faces`, whose references go on with the most alike of `pool` up to `count`."""
    found = found_in(faces, pool, count)
    pairs = zip(faces.references, found.references, strict=True)
    longer = [list(dict.fromkeys([*held, *more]))[:count] for held, more in pairs]
    return replace(found, references=longer)


def _merge(lists: Sequence[list[dict]], pool: Pool) -> list[int]:
    mixed = chain.from_iterable(zip_longest(*lists))
    rows = [pool.place(item["image_id"]) for item in mixed if item is not None]
    return list(dict.fromkeys(rows))
