"""How well vectors retrieve the faces that are truly similar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

REFERENCES = 5
DEPTH = 50
BLOCK = 256


@dataclass(frozen=True, eq=False)
class Retrieved:
    """What was retrieved for each of P probes."""

    rows: np.ndarray
    """Rows of the pool that score best, best first, int (P, 5)."""
    cosine: np.ndarray
    """Mean cosine of the true embeddings of probe and retrieved faces, (P,)."""
    recall: np.ndarray
    """Share of the truly nearest five that is among the fifty that score best, (P,)."""


def retrieve(
    queries: np.ndarray,
    keys: np.ndarray,
    truth: np.ndarray,
    pool: np.ndarray,
    same: np.ndarray | None = None,
) -> Retrieved:
    """What `queries` (P, V) retrieve among `keys` (N, V) by inner product.

    `truth` (P, D) and `pool` (N, D) are the true embeddings of the two sides, L2-normalised; `same`
    (P, N) marks what may not be retrieved, such as faces of the probe's person. A pool smaller than
    five or fifty is taken whole.
    """
    blocks = list(_blocks(queries, keys, truth, pool, same))
    if not blocks:
        none = np.zeros(0, np.float32)
        return Retrieved(np.zeros((0, min(REFERENCES, len(keys))), int), none, none)
    return Retrieved(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def _blocks(
    queries: np.ndarray,
    keys: np.ndarray,
    truth: np.ndarray,
    pool: np.ndarray,
    same: np.ndarray | None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for start in range(0, len(queries), BLOCK):
        part = slice(start, start + BLOCK)
        scores, cosines = queries[part] @ keys.T, truth[part] @ pool.T
        if same is not None:
            scores, cosines = (np.where(same[part], -np.inf, each) for each in (scores, cosines))
        wide, nearest = best(scores, DEPTH), best(cosines, REFERENCES)
        rows = wide[:, :REFERENCES]
        found = (nearest[:, :, None] == wide[:, None, :]).any(2).mean(1)
        yield rows, np.take_along_axis(cosines, rows, 1).mean(1), found


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` highest of each row of `scores` (P, N), best first, then by place."""
    count = min(count, scores.shape[1])
    places = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(scores, places, 1), axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)
