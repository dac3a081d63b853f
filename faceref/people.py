"""Who is who: groups of unlabelled faces, doubtful labels, and what no split may separate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceref.duplicates import copy_groups, near_duplicates
from faceref.neighbours import Pairs, components, label_edges, nearest_pairs
from faceref.threshold import SamePerson, one_false_pair, valley

STRANGERS = 0.999
"""Quantile of the similarities of different people below which an image is alien in its label."""
GIANT_SHARE, GIANT_GROWTH = 0.01, 2.0
"""A merged component is reported as giant above this share of all images and this many times its
largest label."""
FacesOf = Callable[[Sequence[int]], Mapping[int, np.ndarray]]


@dataclass(frozen=True, eq=False)
class People:
    """What is known of the people in a set; lists and arrays have one entry a face."""

    labels: list[str]
    """Who each face shows: the source's label, or the group that it was found to be in."""
    components: list[str]
    """Name of each face's component: what a split must not cut and mining not pair."""
    copies: np.ndarray
    """Code of each face's group of near-duplicates, int64 (N,)."""
    threshold: SamePerson
    suspects: list[dict[str, Any]]
    """Doubtful labels: `image_id`, `other_id`, `score`, `reason`."""

    def manifest(self) -> dict[str, Any]:
        """Counts for the manifest."""
        sizes = Counter(np.unique(self.copies, return_counts=True)[1].tolist())
        joined = _joined(self.labels, self.components)
        reasons = Counter(row["reason"] for row in self.suspects)
        return {
            "same_person": self.threshold.manifest(),
            "components": len(set(self.components)),
            "labels_joined": {name: labels for name, labels in joined.items() if len(labels) > 1},
            "giant_components": giants(self.labels, self.components),
            "images_with_copies": sum(size * count for size, count in sizes.items() if size > 1),
            "suspects": dict(sorted(reasons.items())),
        }


def tell_apart(
    image_ids: Sequence[str],
    labels: Sequence[str | None],
    embeddings: np.ndarray,
    thumbnails: np.ndarray,
    digests: Sequence[str],
    faces: FacesOf,
    *,
    seed: int,
    threshold: float | None = None,
) -> People:
    """Group, check and join the faces of a set.

    `labels` holds None where the source names nobody: such faces are grouped by the connected
    components of their nearest-neighbour graph above the threshold. `embeddings` (N, D) are
    L2-normalised, `thumbnails` uint8 (N, 16, 16, 3), `digests` the SHA-256 of the source images;
    `faces` gives aligned faces by row. `threshold` is the cosine of one person, None measures it.
    A component joins what has one label, is a near-duplicate, or is probably one person.
    """
    pairs = nearest_pairs(embeddings)
    given = [label for label in labels if label is not None]
    same = SamePerson(threshold, "given") if threshold is not None else None
    if same is None and given:
        known = np.array([label is not None for label in labels])
        same = one_false_pair(embeddings[known], given, seed)
    if same is None:
        same = valley(nearest_scores(pairs, len(embeddings)))
    if same is None:
        same = one_false_pair(embeddings, [str(row) for row in range(len(embeddings))], seed)
    alike = pairs.where(pairs.score > same.value)
    named = name_groups(labels, alike)
    copies = copy_groups(len(named), near_duplicates(pairs, thumbnails, faces), digests)
    codes = components(
        len(named), (alike.left, alike.right), label_edges(np.array(named)), label_edges(copies)
    )
    return People(
        named,
        _names(named, codes),
        copies,
        same,
        suspects(image_ids, named, embeddings, alike, seed) if given else [],
    )


def nearest_scores(pairs: Pairs, size: int) -> np.ndarray:
    """Similarity of each face to the nearest other, (N,); -1 where no pair holds it."""
    best = np.full(size, -1.0)
    for side in (pairs.left, pairs.right):
        np.maximum.at(best, side, pairs.score)
    return best


def name_groups(labels: Sequence[str | None], alike: Pairs) -> list[str]:
    """`labels` with names such as `group-00012` for faces that have none.

    Faces without a label are grouped with each other only, by the pairs `alike`.
    """
    unknown = np.array([label is None for label in labels])
    own = alike.where(unknown[alike.left] & unknown[alike.right])
    codes = components(len(labels), (own.left, own.right))
    order = {code: rank for rank, code in enumerate(np.unique(codes[unknown]).tolist())}
    return [
        f"group-{order[code]:05d}" if label is None else label
        for label, code in zip(labels, codes.tolist(), strict=True)
    ]


def suspects(
    image_ids: Sequence[str],
    labels: Sequence[str],
    embeddings: np.ndarray,
    alike: Pairs,
    seed: int,
) -> list[dict[str, Any]]:
    """Doubtful labels: pairs of two labels that look like one person, and aliens in their label.

    An alien is an image of a label with three or more whose mean similarity to the others is that
    of strangers.
    """
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    two = alike.where(codes[alike.left] != codes[alike.right])
    found = []
    for place in range(len(two)):
        left, right = image_ids[int(two.left[place])], image_ids[int(two.right[place])]
        found.append(_suspect(left, right, float(two.score[place]), "two labels, one person"))
    own = _own_similarity(embeddings, codes)
    limit = _strangers(embeddings, codes, seed)
    aliens = np.flatnonzero(own < limit)
    found += [
        _suspect(image_ids[row], None, float(own[row]), "unlike the rest of its label")
        for row in aliens.tolist()
    ]
    return sorted(found, key=lambda row: (row["reason"], -row["score"], row["image_id"]))


def _suspect(image_id: str, other: str | None, score: float, reason: str) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "other_id": other,
        "score": round(score, 4),
        "reason": reason,
    }


def _own_similarity(embeddings: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean cosine of each face to the others of its label, (N,); infinite below three images."""
    sums = np.zeros((codes.max() + 1, embeddings.shape[1]), np.float64)
    np.add.at(sums, codes, embeddings)
    sizes = np.bincount(codes)[codes]
    totals = np.einsum("nd,nd->n", embeddings, sums[codes]) - 1
    return np.where(sizes >= 3, totals / np.maximum(sizes - 1, 1), np.inf)


def _strangers(embeddings: np.ndarray, codes: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, len(embeddings), (2, 200_000))
    other = codes[left] != codes[right]
    scores = np.einsum("nd,nd->n", embeddings[left[other]], embeddings[right[other]])
    return float(np.quantile(scores, STRANGERS)) if len(scores) else -1.0


def _names(labels: Sequence[str], codes: np.ndarray) -> list[str]:
    """The first label of each component, in alphabetical order, names it."""
    names: dict[int, str] = {}
    for label, code in zip(labels, codes.tolist(), strict=True):
        names[code] = min(label, names.get(code, label))
    return [names[code] for code in codes.tolist()]


def _joined(labels: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    joined: dict[str, set[str]] = {}
    for label, name in zip(labels, names, strict=True):
        joined.setdefault(name, set()).add(label)
    return {name: sorted(found) for name, found in sorted(joined.items())}


def giants(labels: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Images of each merged component that has grown far beyond its largest label."""
    by_label, total = Counter(labels), Counter(names)
    largest = {
        name: max(by_label[label] for label in found)
        for name, found in _joined(labels, names).items()
    }
    return {
        name: images
        for name, images in sorted(total.items())
        if images > GIANT_SHARE * len(labels) and images > GIANT_GROWTH * largest[name]
    }
