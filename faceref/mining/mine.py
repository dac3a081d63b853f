"""Mining: the nearest faces of other people, in a fixed order.

Neighbours come from the train split only, whatever the split of the probe. A neighbour is dropped
by its id or its label, never by its position, and where its identity similarity to the probe says
that it is probably the same person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceref.errors import FaceRefError, unknown_choice
from faceref.similarity.search import Search, SearchRule
from faceref.similarity.vectors import LIKENESSES

Near = tuple[np.ndarray, np.ndarray]
"""Scores and rows of the nearest of each probe, as a `Search` gives them."""

DIGITS = 4
"""Scores are rounded to this many decimals before they are ordered, then by image id."""
UNIT = 10**DIGITS
BLOCK = 4096
"""Probes searched at a time."""
FETCHED = 1 << 22
"""Neighbours held at a time, over all probes."""
GATHER = 1 << 25
"""Numbers copied at a time to compare neighbours with each other or with the probe: 128 MiB."""
ORDER_BITS = 32
"""A key is a score in the high bits and the rank of an id in the low ones."""
NEVER = np.iinfo(np.int64).max
Reference = tuple[str, float]


@dataclass(frozen=True)
class Mining:
    """How references are chosen."""

    references: int = 8
    """References for each probe and list."""
    max_similarity: float | None = None
    """Identity cosine above which a neighbour is dropped; None calibrates it."""
    diversity: int = 1
    """Candidates a reference: of this many times K best, K are taken far from each other."""
    likeness_hr: str = "identity"
    """By which similarity `refs_hr` are chosen: `identity`, `appearance` or `both`."""
    likeness_lr: str = "appearance"
    """The same for `refs_lr`; `identity` is what an encoder predicts from the LR face."""
    same_person: bool = False
    """Add `refs_same`, other images of the person: an oracle, for ablations only."""
    index: SearchRule = field(default_factory=SearchRule)

    def __post_init__(self) -> None:
        if self.references < 1:
            raise FaceRefError(f"--references {self.references}: at least 1 is needed.")
        if self.diversity < 1:
            raise FaceRefError(f"--diversity {self.diversity}: 1 (off) or more.")
        for kind in (self.likeness_hr, self.likeness_lr):
            if kind not in LIKENESSES:
                raise unknown_choice("likeness", kind, LIKENESSES)
        if self.max_similarity is not None and not -1 <= self.max_similarity <= 1:
            raise FaceRefError(f"--max-similarity {self.max_similarity}: a cosine, from -1 to 1.")


@dataclass(frozen=True)
class Limits:
    """Which neighbours are dropped, besides the probe's own person and copies."""

    upper: float | None = None
    """Cosine of identity embeddings above which two faces are probably one person."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Faces as mining sees them; all arrays have one entry a face."""

    image_ids: np.ndarray
    """Unique strings, (N,)."""
    order: np.ndarray
    """Rank of each id among all faces of the set, int64 (N,): it names a face and breaks ties."""
    people: np.ndarray
    """Code of each person, int64 (N,)."""
    copies: np.ndarray
    """Code of each group of near-duplicates, int64 (N,)."""
    embeddings: np.ndarray
    """L2-normalised identity embeddings, float32, (N, D)."""
    vectors: np.ndarray
    """What likeness is measured by, float32, (N, V)."""

    @classmethod
    def of(
        cls,
        image_ids: Sequence[str] | np.ndarray,
        people: Sequence[str] | np.ndarray,
        embeddings: np.ndarray,
        vectors: np.ndarray,
        copies: np.ndarray | None = None,
    ) -> Candidates:
        """Faces of one set from ids and labels; `copies` None: no two are near-duplicates."""
        ids = np.asarray(image_ids)
        order = np.empty(len(ids), np.int64)
        order[np.argsort(ids, kind="stable")] = np.arange(len(ids))
        codes = np.unique(np.asarray(people), return_inverse=True)[1].astype(np.int64)
        groups = order if copies is None else copies.astype(np.int64)
        return cls(ids, order, codes, groups, embeddings, vectors)

    def take(self, rows: np.ndarray | slice) -> Candidates:
        """The faces of `rows`."""
        embeddings = self.embeddings[rows]
        vectors = embeddings if self.vectors is self.embeddings else self.vectors[rows]
        return Candidates(
            self.image_ids[rows],
            self.order[rows],
            self.people[rows],
            self.copies[rows],
            embeddings,
            vectors,
        )

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, eq=False)
class _Choice:
    """Rows of the pool for each probe of a block, best first, and their scores in 1e-4."""

    rows: np.ndarray
    scores: np.ndarray
    found: np.ndarray
    """How many of each row are neighbours; what lies behind is void."""


@dataclass(frozen=True, eq=False)
class References(Sequence[list[Reference]]):
    """The references of N probes, as arrays: one item is a list of image ids with their scores."""

    names: np.ndarray
    """Image ids of the pool."""
    rows: np.ndarray
    """Rows of the pool, best first, int32 (N, K); -1 where there are fewer than K."""
    units: np.ndarray
    """Their scores in 1e-4, int32 (N, K)."""

    @classmethod
    def empty(cls, names: np.ndarray, probes: int, count: int) -> References:
        """No references for any of the probes."""
        rows, units = np.full((probes, count), -1, np.int32), np.zeros((probes, count), np.int32)
        return cls(names, rows, units)

    def put(self, places: np.ndarray | slice, other: References) -> None:
        """Take the references of the probes at `places` from `other`."""
        self.rows[places], self.units[places] = other.rows, other.units

    def scores(self) -> np.ndarray:
        """The scores of all references, one after the other, float64."""
        return self.units[self.rows >= 0] / UNIT

    def __getitem__(self, place: Any) -> Any:
        """The references of one probe; of several, given as a slice, a list."""
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        kept = self.rows[place] >= 0
        names = self.names[self.rows[place][kept]].tolist()
        return list(zip(names, (self.units[place][kept] / UNIT).tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.rows)


def mine(
    probes: Candidates,
    pool: Candidates,
    count: int,
    limits: Limits,
    search: Search,
    diversity: int = 1,
    near: Near | None = None,
    rows: np.ndarray | None = None,
) -> References:
    """Up to `count` references (image id, score) for each probe, best first.

    `search` answers for `pool.vectors`; probes and pool are parts of one `Candidates.of`, but their
    vectors may be of two kinds, such as an encoder's on one side. A list holds one of several
    near-duplicates. With `diversity` above 1 the `count` are chosen from that many times as many in
    farthest-point order (Gonzalez, 1985), beginning with the best; they are listed best first, too.
    `rows` are the probes that are asked for, in this order; None for all. `near` are the
    `first_fetch` nearest of each of them, where they are known already. Memory beyond that and the
    result does not depend on the number of probes. Fewer than `count` come back only where the
    pool has no more.
    """
    wanted = count * diversity
    fetch = first_fetch(pool, wanted)
    rows = np.arange(len(probes)) if rows is None else rows
    found = References.empty(pool.image_ids, len(rows), count)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        known = None if near is None else (near[0][part], near[1][part])
        choice = _mine_block(probes.take(rows[part]), pool, wanted, fetch, limits, search, known)
        if diversity > 1:
            choice = _spread_out(choice, pool, count)
        void = np.arange(choice.rows.shape[1]) >= choice.found[:, None]
        found.rows[part], found.units[part] = np.where(void, -1, choice.rows), choice.scores
    return found


def first_fetch(pool: Candidates, count: int) -> int:
    """Neighbours to fetch for `count` references: most people's images come first, and go."""
    sizes = np.bincount(pool.people)[pool.people] if len(pool) else np.zeros(1)
    return min(len(pool), count + 8 + int(min(64, np.quantile(sizes, 0.95))))


def _mine_block(
    probes: Candidates,
    pool: Candidates,
    count: int,
    fetch: int,
    limits: Limits,
    search: Search,
    near: Near | None,
) -> _Choice:
    rows = np.full((len(probes), count), -1, np.int64)
    scores = np.zeros((len(probes), count), np.int64)
    found = np.zeros(len(probes), np.int64)
    waiting = np.arange(len(probes))
    while len(waiting) and len(pool):
        settled = []
        for part in np.array_split(waiting, -(-len(waiting) * fetch // FETCHED)):
            some = probes.take(part)
            if near is None:
                values, neighbours = search(np.ascontiguousarray(some.vectors), fetch)
            else:
                values, neighbours = near[0][part], near[1][part]
            choice, done = _settle(some, pool, count, values, neighbours, limits)
            width = choice.rows.shape[1]
            rows[part, :width], scores[part, :width] = choice.rows, choice.scores
            found[part] = choice.found
            settled.append(done)
        if fetch >= len(pool):
            break
        near, waiting = None, waiting[~np.concatenate(settled)]
        fetch = min(len(pool), 4 * fetch)
    return _Choice(rows, scores, found)


def _settle(
    probes: Candidates,
    pool: Candidates,
    count: int,
    values: np.ndarray,
    neighbours: np.ndarray,
    limits: Limits,
) -> tuple[_Choice, np.ndarray]:
    """The choice among the `neighbours`, and whether no more could change it, (B,)."""
    choice = _choose(probes, pool, count, values, neighbours, limits)
    last, full = _units(values[:, -1]), neighbours[:, -1] >= 0
    settled = full & (choice.found >= count) & (last < choice.scores[:, -1])
    return choice, settled


def _choose(
    probes: Candidates,
    pool: Candidates,
    count: int,
    values: np.ndarray,
    neighbours: np.ndarray,
    limits: Limits,
) -> _Choice:
    """The first `count` that may be used of the `neighbours` (B, F) and their scores `values`."""
    safe = np.maximum(neighbours, 0)
    scores = _units(values)
    allowed = neighbours >= 0
    for field_of in ("people", "order", "copies"):
        allowed &= getattr(pool, field_of)[safe] != getattr(probes, field_of)[:, None]
    if limits.upper is not None:
        allowed &= _identity(probes, pool, values, safe) <= limits.upper
    key = np.where(allowed, pool.order[safe] - (scores << ORDER_BITS), NEVER)
    places = np.argsort(key, axis=1, kind="stable")
    key = np.take_along_axis(key, places, 1)
    if _drop_copies(key, pool.copies[np.take_along_axis(safe, places, 1)]):
        again = np.argsort(key, axis=1, kind="stable")
        places, key = (np.take_along_axis(array, again, 1) for array in (places, key))
    places, kept = places[:, :count], key[:, :count] != NEVER
    rows, chosen = (np.take_along_axis(array, places, 1) for array in (safe, scores))
    return _Choice(np.where(kept, rows, -1), np.where(kept, chosen, 0), kept.sum(1))


def _units(values: np.ndarray) -> np.ndarray:
    """Scores in 1e-4, rounded, int64; the void ones of a search are clipped."""
    return np.rint(np.clip(values, -100, 100).astype(np.float64) * UNIT).astype(np.int64)


def _identity(
    probes: Candidates, pool: Candidates, values: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Identity cosine of each probe and its neighbours, (B, F)."""
    if pool.vectors is pool.embeddings and probes.vectors is probes.embeddings:
        return values
    result = np.empty(rows.shape, np.float32)
    step = max(1, GATHER // (rows.shape[1] * pool.embeddings.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        near = pool.embeddings[rows[part]]
        result[part] = np.einsum("bfd,bd->bf", near, probes.embeddings[part])
    return result


def _drop_copies(key: np.ndarray, copies: np.ndarray) -> bool:
    """Set `key`, ascending in each row, to NEVER for all but the best of each group of copies.

    Returns whether anything was set.
    """
    groups = np.where(key == NEVER, -1 - np.arange(key.shape[1]), copies)
    ordered = np.sort(groups, axis=1)
    repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(1))
    for row in repeated:
        later = np.ones(key.shape[1], bool)
        later[np.unique(groups[row], return_index=True)[1]] = False
        key[row, later] = NEVER
    return len(repeated) > 0


def _spread_out(choice: _Choice, pool: Candidates, count: int) -> _Choice:
    """`count` of the candidates, chosen in farthest-point order by the cosine of embeddings."""
    total, width = choice.rows.shape
    picks = np.zeros((total, min(count, width)), np.int64)
    step = max(1, GATHER // (width * pool.embeddings.shape[1]))
    for start in range(0, total, step):
        part = slice(start, start + step)
        near = pool.embeddings[np.maximum(choice.rows[part], 0)]
        void = np.arange(width) >= choice.found[part, None]
        closest = np.where(void, np.inf, -np.inf)
        for turn in range(1, picks.shape[1]):
            last = picks[part, turn - 1]
            rows = np.arange(len(last))
            closest[rows, last] = np.inf
            cosine = np.einsum("bfd,bd->bf", near, near[rows, last])
            closest = np.maximum(closest, cosine.round(DIGITS))
            picks[part, turn] = closest.argmin(1)
    found = np.minimum(choice.found, picks.shape[1])
    real = np.arange(picks.shape[1]) < found[:, None]
    picks = np.sort(np.where(real, picks, width), axis=1).clip(max=width - 1)
    rows, scores = (np.take_along_axis(a, picks, 1) for a in (choice.rows, choice.scores))
    return _Choice(rows, scores, found)


def same_person(faces: Candidates, count: int) -> Iterator[list[Reference]]:
    """Up to `count` other images of each face's own person in its own split, most similar first.

    An oracle for ablations: what a method would gain from references that nobody has. Near-
    duplicates of the face are left out. `faces` are those of one split.
    """
    members: dict[int, np.ndarray] = {}
    order = np.argsort(faces.people, kind="stable")
    people, starts = np.unique(faces.people[order], return_index=True)
    for person, rows in zip(people.tolist(), np.split(order, starts[1:]), strict=True):
        members[person] = rows
    for row, person in enumerate(faces.people.tolist()):
        others = members[person]
        others = others[faces.copies[others] != faces.copies[row]]
        cosine = faces.embeddings[others] @ faces.embeddings[row]
        scores = _units(cosine)
        best = np.lexsort((faces.order[others], -scores))[:count]
        yield [(str(faces.image_ids[others[k]]), int(scores[k]) / UNIT) for k in best.tolist()]


def random_similarity(embeddings: np.ndarray, identities: Sequence[str], seed: int) -> np.ndarray:
    """Cosines of 10,000 random pairs of different people, to compare the mined ones with."""
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, len(embeddings), (2, 10_000))
    labels = np.asarray(identities)
    other = labels[left] != labels[right]
    return np.einsum("nd,nd->n", embeddings[left[other]], embeddings[right[other]])
