"""Mining: the nearest faces of other people, exactly, in a fixed order.

Neighbours come from the train split only, whatever the split of the probe. A neighbour is dropped
by its id or its label, never by its position, and where its identity similarity to the probe says
that it is probably the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceref.errors import FaceRefError

DIGITS = 4
"""Scores are rounded to this many decimals before they are ordered, then by image id."""
BLOCK = 1024
"""Probes searched at a time."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces as mining sees them; all fields have one entry a face."""

    image_ids: np.ndarray
    """Unique strings, (N,)."""
    identities: np.ndarray
    """Labels of people, (N,)."""
    embeddings: np.ndarray
    """L2-normalised identity embeddings, float32, (N, D)."""
    vectors: np.ndarray
    """What likeness is measured by: L2-normalised, float32, (N, V)."""

    def take(self, rows: np.ndarray) -> Faces:
        """The faces of `rows`."""
        fields = (self.image_ids, self.identities, self.embeddings, self.vectors)
        return Faces(*(field[rows] for field in fields))

    def __len__(self) -> int:
        return len(self.image_ids)


Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Scores and rows of the k nearest of a pool, for vectors (B, V): two arrays (B, k)."""
Reference = tuple[str, float]


def open_search(vectors: np.ndarray, device: str = "cpu") -> Search:
    """Exact inner-product search in `vectors` (N, V) with faiss."""
    import torch  # noqa: F401  faiss-gpu needs the CUDA libraries that torch has loaded

    import faiss  # isort: skip

    index = faiss.IndexFlatIP(vectors.shape[1])
    if device == "cuda":
        if not getattr(faiss, "get_num_gpus", int)():
            raise FaceRefError(
                "--device cuda: faiss sees no CUDA device. Install faiss-gpu, or use --device cpu."
            )
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    index.add(np.ascontiguousarray(vectors))  # pyright: ignore[reportCallIssue]
    return index.search  # pyright: ignore[reportReturnType]


def mine(
    probes: Faces, pool: Faces, count: int, bound: float | None, search: Search
) -> Iterator[list[Reference]]:
    """Up to `count` references (image id, score) for each probe, best first.

    `search` answers for `pool.vectors`; `bound` is the cosine of embeddings above which a neighbour
    is dropped, None for no bound. Fewer than `count` come back only where the pool has no more.
    """
    for start in range(0, len(probes), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(probes)))
        yield from _mine_block(probes.take(rows), pool, count, bound, search)


def _mine_block(
    probes: Faces, pool: Faces, count: int, bound: float | None, search: Search
) -> list[list[Reference]]:
    found: list[list[Reference]] = [[] for _ in range(len(probes))]
    waiting = np.arange(len(probes))
    fetch = min(len(pool), 4 * count + 16)
    while len(waiting):
        scores, rows = search(np.ascontiguousarray(probes.vectors[waiting]), fetch)
        for place, score, row in zip(waiting, scores, rows, strict=True):
            found[place] = _choose(probes, int(place), pool, row, score, bound)
        if fetch == len(pool):
            break
        settled = [
            _settled(found[place], count, last)
            for place, last in zip(waiting, scores[:, -1], strict=True)
        ]
        waiting = waiting[~np.array(settled)]
        fetch = min(len(pool), 4 * fetch)
    return [references[:count] for references in found]


def _settled(references: list[Reference], count: int, last: float) -> bool:
    """Whether no face beyond the last fetched one can be among the first `count`."""
    return len(references) >= count and round(float(last), DIGITS) < references[count - 1][1]


def _choose(
    probes: Faces,
    place: int,
    pool: Faces,
    rows: np.ndarray,
    scores: np.ndarray,
    bound: float | None,
) -> list[Reference]:
    allowed = pool.identities[rows] != probes.identities[place]
    allowed &= pool.image_ids[rows] != probes.image_ids[place]
    if bound is not None:
        allowed &= pool.embeddings[rows] @ probes.embeddings[place] <= bound
    pairs = zip(pool.image_ids[rows[allowed]], scores[allowed], strict=True)
    references = [(str(image_id), round(float(score), DIGITS)) for image_id, score in pairs]
    return sorted(references, key=lambda reference: (-reference[1], reference[0]))


def appearance(thumbnails: np.ndarray) -> np.ndarray:
    """Vectors whose inner product is the normalised correlation of 16x16 RGB faces.

    Takes uint8 (N, 16, 16, 3); each colour's mean is taken away, then the whole is brought to
    length one: float32 (N, 768). This is all that a system has that sees only the small face.
    """
    values = thumbnails.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    flat = values.reshape(len(values), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def random_similarity(embeddings: np.ndarray, identities: Sequence[str], seed: int) -> np.ndarray:
    """Cosines of 10,000 random pairs of different people, to compare the mined ones with."""
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, len(embeddings), (2, 10_000))
    labels = np.asarray(identities)
    other = labels[left] != labels[right]
    return np.einsum("nd,nd->n", embeddings[left[other]], embeddings[right[other]])
