"""How alike is too alike: a bound on similarity above which two faces are probably one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

QUANTILE = 0.25
PAIRS_PER_PERSON = 20
METHOD = "same-person quantile"


@dataclass(frozen=True)
class Bound:
    """Upper bound on the similarity of a probe and a reference."""

    value: float | None
    """Cosine above which a neighbour is dropped; None where nothing is dropped."""
    method: str
    """`same-person quantile`, `given`, or `none: no person with two images`."""
    quantile: float | None = None
    """Quantile of the same-person similarities that `value` is."""
    pairs: int = 0
    """Same-person pairs that were measured."""

    def manifest(self) -> dict[str, Any]:
        """This bound as the manifest records it."""
        return asdict(self)


def same_person_scores(embeddings: np.ndarray, identities: Sequence[str], seed: int) -> np.ndarray:
    """Cosines of pairs of images of one person, at most 20 pairs of each, float32 (P,).

    `embeddings` is L2-normalised, (N, D). The pairs of somebody with more are drawn with `seed`.
    """
    people: dict[str, list[int]] = defaultdict(list)
    for row, person in enumerate(identities):
        people[person].append(row)
    rng = np.random.default_rng(seed)
    chosen: list[tuple[int, int]] = []
    for rows in people.values():
        pairs = list(combinations(rows[:200], 2))
        if len(pairs) > PAIRS_PER_PERSON:
            picks = sorted(rng.choice(len(pairs), PAIRS_PER_PERSON, replace=False))
            pairs = [pairs[pick] for pick in picks]
        chosen.extend(pairs)
    left, right = np.array(chosen, np.int64).reshape(-1, 2).T
    return np.einsum("nd,nd->n", embeddings[left], embeddings[right])


def calibrate(embeddings: np.ndarray, identities: Sequence[str], seed: int) -> Bound:
    """The 25 % quantile of same-person similarities.

    Three of four unlabelled images of a person himself would lie above it, while look-alikes of
    other people lie below. Labels err, so a quantile is taken and not the minimum.
    """
    scores = same_person_scores(embeddings, identities, seed)
    if len(scores) == 0:
        return Bound(None, "none: no person with two images")
    value = round(float(np.quantile(scores, QUANTILE)), 4)
    return Bound(value, METHOD, QUANTILE, len(scores))
