"""Near-duplicates: one picture more than once, re-encoded, slightly cropped, or mirrored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from faceref.likeness import appearance
from faceref.neighbours import Pairs, components

CORRELATION = 0.95
"""Least correlation of the 16x16 faces, either as they are or with one mirrored."""
DISTANCE = 12
"""Most bits, of 64, in which the perceptual hashes differ."""
BLOCK = 1 << 16
Hash = np.ndarray
"""Perceptual hash: 64 bits, bool (64,)."""


def perceptual_hash(face: np.ndarray) -> Hash:
    """pHash of uint8 RGB (H, W, 3): signs of the lowest 8x8 cosine frequencies, by imagehash."""
    import imagehash

    return imagehash.phash(Image.fromarray(face)).hash.ravel()


def alike(pairs: Pairs, thumbnails: np.ndarray) -> np.ndarray:
    """Which `pairs` have 16x16 faces, uint8 (N, 16, 16, 3), that correlate; bool (P,)."""
    looks, mirrored = appearance(thumbnails), appearance(thumbnails[:, :, ::-1])
    result = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), BLOCK):
        part = slice(start, start + BLOCK)
        left, right = looks[pairs.left[part]], pairs.right[part]
        straight = np.einsum("nd,nd->n", left, looks[right])
        flipped = np.einsum("nd,nd->n", left, mirrored[right])
        result[part] = np.maximum(straight, flipped) >= CORRELATION
    return result


def near_duplicates(
    pairs: Pairs,
    thumbnails: np.ndarray,
    faces: Callable[[Sequence[int]], Mapping[int, np.ndarray]],
) -> Pairs:
    """The near-duplicates among candidate `pairs`.

    `thumbnails` is uint8 (N, 16, 16, 3) of all rows; `faces` gives the aligned faces of some rows,
    uint8 RGB, by row: only those of pairs whose thumbnails correlate are asked for.
    """
    likely = pairs.where(alike(pairs, thumbnails))
    rows = np.unique(np.concatenate([likely.left, likely.right])).tolist()
    images = faces(rows)
    hashes = {row: perceptual_hash(images[row]) for row in rows}
    mirrored = {row: perceptual_hash(images[row][:, ::-1]) for row in rows}
    close = [
        min(_bits(hashes[left], hashes[right]), _bits(hashes[left], mirrored[right])) <= DISTANCE
        for left, right in zip(likely.left.tolist(), likely.right.tolist(), strict=True)
    ]
    return likely.where(np.array(close, bool))


def copy_groups(size: int, near: Pairs, digests: Sequence[str]) -> np.ndarray:
    """Code of each face's group of copies, int64 (N,): near-duplicates and equal source bytes.

    `digests` holds the SHA-256 of each source image; "" is equal to nothing.
    """
    first: dict[str, int] = {}
    twins = [(first.setdefault(digest, row), row) for row, digest in enumerate(digests) if digest]
    left, right = np.array(twins, np.int64).reshape(-1, 2).T
    return components(size, (near.left, near.right), (left, right))


def _bits(first: Hash, second: Hash) -> int:
    return int(np.count_nonzero(first != second))
