"""Near-duplicates: the same photograph again, re-encoded, resized or mirrored.

Four signs, the first that holds is given:

- `bytes`: the source files have one SHA-256;
- `hash`: perceptual hashes of the aligned faces differ in at most 40 of 256 bits;
- `mirrored`: so does the hash of one and that of the other mirrored;
- `embedding`: cosine of at least 0.98; or at least 0.85, and the same-person threshold, with hashes
  (mirrored or not) that differ in at most 60 bits.

On LFW, hashes of images below the same-person threshold differ in 50 bits or more; those of 250
re-encoded copies in at most 38, of 250 shrunk ones in at most 48, of 250 mirrored ones in at most
56; the cosine of all these copies is 0.85 or more. The limits were set on these images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from faceref.curation.links import Pairs, connect

SIDE = 16
"""Side of the hash: 16 x 16 bits."""
HASH_BYTES = SIDE * SIDE // 8
NEAR_BITS = 40
"""Bits in which hashes of one photograph differ at most."""
SIMILAR_BITS = 60
"""Bits in which they differ at most where the embeddings are similar, too."""
SIMILAR_COSINE = 0.85
SAME_COSINE = 0.98
BLOCK = 4096


@dataclass(frozen=True)
class Duplicate:
    """Two images that are one photograph, by row, `left < right`."""

    left: int
    right: int
    kind: str
    """`bytes`, `hash`, `mirrored` or `embedding`."""


def face_hashes(face: np.ndarray) -> bytes:
    """Perceptual hashes (DCT, 256 bits) of an aligned face, uint8 RGB (S, S, 3), and its mirror.

    64 bytes: the face's 32, then the mirrored face's: those of `imagehash.phash` to the bit.
    """
    # Brought to grey and this size once, not once for each of the two.
    small = (
        Image.fromarray(face).convert("L").resize((4 * SIDE, 4 * SIDE), Image.Resampling.LANCZOS)
    )
    return b"".join(_hash(np.asarray(item)) for item in (small, ImageOps.mirror(small)))


def _hash(grey: np.ndarray) -> bytes:
    """Which of the lowest frequencies of a grey image are above their median."""
    from scipy.fft import dct

    low = np.asarray(dct(dct(grey, axis=0), axis=1))[:SIDE, :SIDE]
    return np.packbits(low > np.median(low)).tobytes()


def as_hashes(joined: Sequence[bytes]) -> np.ndarray:
    """What `face_hashes` gave for N faces, as uint8 (N, 64)."""
    return np.frombuffer(b"".join(joined), np.uint8).reshape(-1, 2 * HASH_BYTES)


def find_duplicates(
    sha256: Sequence[str],
    hashes: np.ndarray,
    similar: Pairs | None = None,
    threshold: float | None = None,
) -> list[Duplicate]:
    """All near-duplicates of N images, by the rules of this module.

    Args:
        sha256: Of each source file, hexadecimal; "" where it is unknown.
        hashes: uint8 (N, 64) of `face_hashes`.
        similar: Pairs with similar embeddings; None for bytes and hashes alone.
        threshold: Cosine from which two images are one person, None where there is none.

    Returns:
        Each pair once, ordered by row.
    """
    found: dict[tuple[int, int], str] = {}
    for left, right in _same_bytes(sha256):
        found.setdefault((left, right), "bytes")
    for kind, queries in (("hash", hashes[:, :HASH_BYTES]), ("mirrored", hashes[:, HASH_BYTES:])):
        for pair in _near_hashes(queries, hashes[:, :HASH_BYTES]):
            found.setdefault(pair, kind)
    for pair in _near_embeddings(hashes, similar, threshold) if similar is not None else ():
        found.setdefault(pair, "embedding")
    return [Duplicate(*pair, kind) for pair, kind in sorted(found.items())]


def first_of_each(total: int, duplicates: Sequence[Duplicate]) -> np.ndarray:
    """For each of `total` images the row of the first image that it duplicates, int (N,).

    An image that duplicates none before it has its own row. Copies of copies count.
    """
    ends = np.array([(item.left, item.right) for item in duplicates], np.int64).reshape(-1, 2)
    sets = connect(total, ends[:, 0], ends[:, 1])
    _, first = np.unique(sets, return_index=True)
    return first[sets]


def _same_bytes(sha256: Sequence[str]) -> Iterator[tuple[int, int]]:
    seen: dict[str, int] = {}
    for row, digest in enumerate(sha256):
        if digest and digest in seen:
            yield seen[digest], row
        seen.setdefault(digest, row)


def _near_hashes(queries: np.ndarray, hashes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs with at most NEAR_BITS between a query's hash and another image's."""
    import torch  # noqa: F401  faiss-gpu needs the CUDA libraries that torch has loaded

    import faiss  # isort: skip

    index = faiss.IndexBinaryFlat(8 * HASH_BYTES)
    index.add(np.ascontiguousarray(hashes))  # pyright: ignore[reportCallIssue]
    for start in range(0, len(queries), BLOCK):
        block = np.ascontiguousarray(queries[start : start + BLOCK])
        limits, _, rows = index.range_search(block, NEAR_BITS + 1)  # pyright: ignore
        sources = np.repeat(np.arange(len(block)), np.diff(limits.astype(np.int64))) + start
        for source, row in zip(sources.tolist(), rows.tolist(), strict=True):
            if source != row:
                yield min(source, row), max(source, row)


def _near_embeddings(
    hashes: np.ndarray, similar: Pairs, threshold: float | None
) -> Iterator[tuple[int, int]]:
    pairs = similar.where(similar.scores >= max(SIMILAR_COSINE, threshold or 0))
    plain, mirror = hashes[:, :HASH_BYTES], hashes[:, HASH_BYTES:]
    queries = plain[pairs.left]
    bits = np.minimum(_bits(queries ^ plain[pairs.right]), _bits(queries ^ mirror[pairs.right]))
    near = pairs.where((pairs.scores >= SAME_COSINE) | (bits <= SIMILAR_BITS))
    yield from zip(near.left.tolist(), near.right.tolist(), strict=True)


def _bits(bytes_: np.ndarray) -> np.ndarray:
    return np.unpackbits(bytes_, axis=1).sum(1, dtype=np.int64)
