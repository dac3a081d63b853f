"""The reference lists of all faces, and the limits within which they were mined."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceref.curation.identities import People
from faceref.curation.thresholds import FROM_THRESHOLD, Bound, calibrate
from faceref.mining.mine import (
    Candidates,
    Limits,
    Mining,
    Reference,
    References,
    first_fetch,
    mine,
    random_similarity,
    same_person,
)
from faceref.mining.shards import (
    MineShards,
    mine_here,
    mine_in_shards,
    read_faces,
    write_faces,
)
from faceref.similarity.search import fits, nearest_within, open_search
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

    references: dict[str, Sequence[list[Reference]]]
    bound: Bound
    manifest: dict[str, Any]

    @property
    def bound_on_scores(self) -> float | None:
        """The bound where the scores of `refs_hr` are identity cosines, that it can be seen on."""
        return self.bound.value if self.manifest["likeness"]["refs_hr"] == "identity" else None


def mine_lists(
    subjects: Subjects,
    mining: Mining,
    seed: int,
    device: str,
    folder: Path,
    mine_shards: MineShards = mine_here,
) -> Lists:
    """Mine `refs_hr` and `refs_lr`, and `refs_same` where it is asked for.

    Args:
        subjects: All faces.
        mining: How references are chosen.
        seed: Of what is drawn.
        device: `cpu` or `cuda`, for the search.
        folder: Where pools lie, and the lists of large ones, see `mine_in_shards`.
        mine_shards: By whom.
    """
    train = np.flatnonzero(subjects.splits == "train")
    bound = _bound(subjects, mining, train, seed)
    limits = Limits(bound.value)
    kinds = {"refs_hr": mining.likeness_hr, "refs_lr": mining.likeness_lr}
    found: dict[str, Sequence[list[Reference]]] = {}
    indexes = {}
    faces = _faces(subjects)
    scores: dict[str, np.ndarray] = {}
    for name, kind in kinds.items():
        vectors = likeness(kind, _identity(subjects, name, kind), subjects.appearance, seed)
        probes, keys = (replace(faces, vectors=side) for side in (vectors.queries, vectors.keys))
        if mining.index.exact(len(train)):
            pool = folder / name / "exact"
            mined = _mine_exactly(probes, keys, train, mining, limits, device, pool)
            report = {"kind": "exact"}
        else:
            mined, report = mine_in_shards(
                folder / name, probes, keys, train, mining, limits, device, mine_shards
            )
        found[name], indexes[name], scores[name] = mined, report, mined.scores()
    manifest = {
        "likeness": kinds,
        "index": indexes,
        "diversity": mining.diversity,
        "random_similarity": _random(subjects, seed, kinds, scores),
    }
    if mining.same_person:
        found["refs_same"] = _oracle(subjects, mining.references)
    return Lists(found, bound, manifest)


def _mine_exactly(
    probes: Candidates,
    keys: Candidates,
    train: np.ndarray,
    mining: Mining,
    limits: Limits,
    device: str,
    folder: Path,
) -> References:
    """References of all probes; the neighbours of train's are found in one go, where they fit.

    Meanwhile the pool lies in `folder`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    write_faces(folder, keys, train)
    pool = read_faces(folder)
    search, near, count = open_search(pool.vectors, device), None, mining.references
    fetch = first_fetch(pool, count * mining.diversity)
    if probes.vectors is keys.vectors and device == "cpu" and fits(len(pool), fetch):
        near = nearest_within(pool.vectors, fetch)
    found = References.empty(pool.image_ids, len(probes), count)
    rest = np.setdiff1d(np.arange(len(probes)), train)
    for rows, known in ((train, near), (rest, None)):
        mined = mine(probes, pool, count, limits, search, mining.diversity, known, rows)
        found.put(rows, mined)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _faces(subjects: Subjects) -> Candidates:
    """The subjects by identity."""
    people, vectors = subjects.people, subjects.embeddings
    return Candidates.of(subjects.image_ids, people.components, vectors, vectors, people.first)


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
    labelled = train[~people.guessed[train]]
    labels = [people.identities[row] for row in labelled.tolist()]
    bound = calibrate(subjects.embeddings[labelled], labels, seed)
    if bound.value is None and people.guessed.any():
        return Bound(people.same_person.value, FROM_THRESHOLD)
    return bound


def _random(
    subjects: Subjects,
    seed: int,
    kinds: dict[str, str],
    found: dict[str, np.ndarray],
) -> dict[str, Any]:
    """How similar random people are, and how many references are no more similar than that."""
    scores = random_similarity(subjects.embeddings, subjects.people.components, seed)
    line = float(np.quantile(scores, LOOK_ALIKE)) if len(scores) else 1.0
    below = {}
    for name, kind in kinds.items():
        if kind == "identity" and name == "refs_hr":
            below[name] = round(float((found[name] < line).mean()), 4) if len(found[name]) else 0.0
    mean = round(float(scores.mean()), 4) if len(scores) else 0.0
    return {"mean": mean, "look_alike_above": round(line, 4), "references_below": below}


def _oracle(subjects: Subjects, count: int) -> list[list[Reference]]:
    faces = _faces(subjects)
    found: list[list[Reference]] = [[] for _ in range(len(faces))]
    for split in np.unique(subjects.splits):
        rows = np.flatnonzero(subjects.splits == split)
        for row, references in zip(rows, same_person(faces.take(rows), count), strict=True):
            found[row] = references
    return found
