"""Label noise: labels that the embeddings contradict, as a table for review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceref.curation.links import Neighbours, Pairs
from faceref.curation.thresholds import SamePerson

ONE_PERSON = "one person, two labels"
MISLABELLED = "mislabelled"
UNLIKE = "unlike its label"


@dataclass(frozen=True)
class LabelNoise:
    """One label, or pair of labels, that the embeddings contradict."""

    kind: str
    """`one person, two labels`: a pair of different label that reaches the same-person threshold;
    `mislabelled`: an image unlike the others of its label, that reaches it with another label's;
    `unlike its label`: an image unlike the others of its label, and like nobody else."""
    row: int
    other: int
    """The row of the other image of the pair, or of the nearest of other labels; -1 for none."""
    similarity: float
    """Cosine of the two images."""
    own: float | None
    """Cosine of the image and the mean of its label's other images; None where there is none."""


def find_label_noise(
    embeddings: np.ndarray,
    identities: Sequence[str | None],
    neighbours: Neighbours,
    similar: Pairs,
    same: SamePerson,
) -> list[LabelNoise]:
    """Every label, or pair of labels, that the embeddings contradict.

    Args:
        embeddings: L2-normalised float32 (N, D).
        identities: The label of each image; unknown ones, None or "", are passed over.
        neighbours: Of each image.
        similar: The pairs that reach the threshold of `same`.
        same: The same-person threshold.

    Returns:
        Pairs by falling similarity, then images by row.
    """
    labels = np.array([identity or "" for identity in identities])
    own = own_similarity(embeddings, labels)
    return [*_pairs(labels, own, similar), *_images(labels, own, neighbours, same)]


def own_similarity(embeddings: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cosine of each image and the mean of its label's other images: float32 (N,), NaN for none."""
    numbers = np.unique(labels, return_inverse=True)[1]
    sums = np.zeros((numbers.max(initial=0) + 1, embeddings.shape[1]), np.float64)
    np.add.at(sums, numbers, embeddings)
    alone = np.bincount(numbers)[numbers] == 1
    own = np.full(len(labels), np.nan, np.float32)
    for row in np.flatnonzero(~alone & (labels != "")):
        others = sums[numbers[row]] - embeddings[row]
        own[row] = others @ embeddings[row] / max(float(np.linalg.norm(others)), 1e-9)
    return own


def _pairs(labels: np.ndarray, own: np.ndarray, similar: Pairs) -> Iterator[LabelNoise]:
    left, right = labels[similar.left], labels[similar.right]
    found = similar.where((left != right) & (left != "") & (right != ""))
    scores = np.round(found.scores.astype(float), 4)
    for place in np.lexsort((found.right, found.left, -scores)).tolist():
        row, other = int(found.left[place]), int(found.right[place])
        yield LabelNoise(ONE_PERSON, row, other, float(scores[place]), _value(float(own[row])))


def _images(
    labels: np.ndarray, own: np.ndarray, neighbours: Neighbours, same: SamePerson
) -> Iterator[LabelNoise]:
    if same.unlike is None:
        return
    for row in np.flatnonzero(own < same.unlike).tolist():
        others = neighbours.rows[row]
        foreign = np.flatnonzero((labels[others] != labels[row]) & (labels[others] != ""))
        other = int(others[foreign[0]]) if len(foreign) else -1
        score = float(neighbours.scores[row][foreign[0]]) if len(foreign) else 0.0
        matched = other >= 0 and same.value is not None and score >= same.value
        kind = MISLABELLED if matched else UNLIKE
        yield LabelNoise(kind, row, other, round(score, 4), _value(own[row].item()))


def _value(own: float) -> float | None:
    return None if np.isnan(own) else round(float(own), 4)
