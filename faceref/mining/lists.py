"""The reference lists of all faces, and the limits within which they were mined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from faceref.curation.identities import People
from faceref.curation.thresholds import Bound, calibrate
from faceref.mining.mine import (
    Candidates,
    Limits,
    Mining,
    Near,
    Reference,
    first_fetch,
    mine,
    random_similarity,
    same_person,
)
from faceref.similarity.search import Search, Use, fits, nearest_within, open_ivf, open_search
from faceref.similarity.vectors import Vectors, likeness

LOOK_ALIKE = 0.99
"""Quantile of the similarities of different people above which somebody is a look-alike."""


@dataclass(frozen=True, eq=False)
class Subjects:
    """All usable faces of a build; arrays have one entry a face."""

    image_ids: np.ndarray
    splits: np.ndarray
    people: People
    embeddings: np.ndarray
    """L2-normalised float32 (N, D)."""
    appearance: np.ndarray
    """Appearance vectors, float32 (N, 768)."""
    lr_embeddings: np.ndarray | None = None
    """Embeddings predicted from the LR face alone, L2-normalised float32 (N, D)."""


@dataclass(frozen=True, eq=False)
class Lists:
    """References by list, one entry a face, and what the manifest says of them."""

    references: dict[str, list[list[Reference]]]
    bound: Bound
    manifest: dict[str, Any]

    @property
    def bound_on_scores(self) -> float | None:
        """The bound where the scores of `refs_hr` are identity cosines, that it can be seen on."""
        return self.bound.value if self.manifest["likeness"]["refs_hr"] == "identity" else None


def mine_lists(subjects: Subjects, mining: Mining, seed: int, device: str) -> Lists:
    """Mine `refs_hr` and `refs_lr`, and `refs_same` where it is asked for."""
    train = np.flatnonzero(subjects.splits == "train")
    bound = _bound(subjects, mining, train, seed)
    limits = Limits(bound.value)
    kinds = {"refs_hr": mining.likeness_hr, "refs_lr": mining.likeness_lr}
    found: dict[str, list[list[Reference]]] = {}
    indexes = {}
    for name, kind in kinds.items():
        vectors = likeness(kind, _identity(subjects, name, kind), subjects.appearance, seed)
        probes, pool = (_faces(subjects, side) for side in (vectors.queries, vectors.keys))
        pool = pool.take(train)
        search, indexes[name] = _open(pool, probes, mining, device)
        near = None
        if vectors.queries is vectors.keys and mining.index.exact(len(pool)) and device == "cpu":
            near = _within(pool, mining)
        found[name] = _mine_all(probes, pool, train, mining, limits, search, near)
    manifest = {
        "likeness": kinds,
        "index": indexes,
        "diversity": mining.diversity,
        "min_similarity": None,  # format 1 has it; no option sets it
        "random_similarity": _random(subjects, seed, kinds, found),
    }
    if mining.same_person:
        found["refs_same"] = _oracle(subjects, mining.references)
    return Lists(found, bound, manifest)


def _within(pool: Candidates, mining: Mining) -> Near | None:
    """The nearest of the pool's faces to each other, if they can all be held at once."""
    fetch = first_fetch(pool, mining.references * mining.diversity)
    return nearest_within(pool.vectors, fetch) if fits(len(pool), fetch) else None


def _mine_all(
    probes: Candidates,
    pool: Candidates,
    train: np.ndarray,
    mining: Mining,
    limits: Limits,
    search: Search,
    near: Near | None,
) -> list[list[Reference]]:
    """References of all probes; `near` is what is known of those of `train`."""
    found: list[list[Reference]] = [[] for _ in range(len(probes))]
    rest = np.setdiff1d(np.arange(len(probes)), train)
    for rows, known in ((train, near), (rest, None)):
        some = probes.take(rows)
        mined = mine(some, pool, mining.references, limits, search, mining.diversity, known)
        for row, references in zip(rows.tolist(), mined, strict=True):
            found[row] = references
    return found


def _faces(subjects: Subjects, vectors: np.ndarray) -> Candidates:
    people = subjects.people
    return Candidates.of(
        subjects.image_ids, people.components, subjects.embeddings, vectors, people.first
    )


def _identity(subjects: Subjects, name: str, kind: str) -> Vectors:
    """Identity as a list may see it: `refs_lr` searches with what is predicted from the LR face."""
    if name == "refs_lr" and kind != "appearance":
        assert subjects.lr_embeddings is not None
        return Vectors(subjects.lr_embeddings, subjects.embeddings)
    return Vectors(subjects.embeddings, subjects.embeddings)


def _bound(subjects: Subjects, mining: Mining, train: np.ndarray, seed: int) -> Bound:
    """The bound on similarity, from labelled people where there are any."""
    people = subjects.people
    if mining.max_similarity is not None:
        return Bound(mining.max_similarity, "given")
    if people.unlabelled == len(people.identities):
        return Bound(people.same_person.value, "same-person threshold")
    labels = [people.identities[row] for row in train.tolist()]
    return calibrate(subjects.embeddings[train], labels, seed)


def _open(
    pool: Candidates, probes: Candidates, mining: Mining, device: str
) -> tuple[Search, dict[str, Any]]:
    if mining.index.exact(len(pool)):
        return open_search(pool.vectors, device), {"kind": "exact"}
    fetch = first_fetch(pool, mining.references * mining.diversity)
    use = Use(mining.references, fetch, probes.people, pool.people)
    search, report = open_ivf(pool.vectors, probes.vectors, use, mining.index, device)
    return search, {"kind": "ivf", **report}


def _random(
    subjects: Subjects,
    seed: int,
    kinds: dict[str, str],
    found: dict[str, list[list[Reference]]],
) -> dict[str, Any]:
    """How similar random people are, and how many references are no more similar than that."""
    scores = random_similarity(subjects.embeddings, subjects.people.components, seed)
    line = float(np.quantile(scores, LOOK_ALIKE)) if len(scores) else 1.0
    below = {}
    for name, kind in kinds.items():
        if kind == "identity" and name == "refs_hr":
            listed = [score for references in found[name] for _, score in references]
            below[name] = round(float(np.mean(np.array(listed or [1.0]) < line)), 4)
    mean = round(float(scores.mean()), 4) if len(scores) else 0.0
    return {"mean": mean, "look_alike_above": round(line, 4), "references_below": below}


def _oracle(subjects: Subjects, count: int) -> list[list[Reference]]:
    faces = _faces(subjects, subjects.embeddings)
    found: list[list[Reference]] = [[] for _ in range(len(faces))]
    for split in np.unique(subjects.splits):
        rows = np.flatnonzero(subjects.splits == split)
        for row, references in zip(rows, same_person(faces.take(rows), count), strict=True):
            found[row] = references
    return found
