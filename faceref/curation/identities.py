"""Who is who: labels, groups, near-duplicates and components of all usable images of a build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from faceref.curation.components import Giant, find_components, find_giants
from faceref.curation.duplicates import SIMILAR_COSINE, Duplicate, find_duplicates, first_of_each
from faceref.curation.label_noise import LabelNoise, find_label_noise
from faceref.curation.links import connect, find_neighbours, group_names, pairs_above
from faceref.curation.thresholds import (
    FROM_ALL,
    GUESSED_LINKS,
    LARGEST,
    SamePerson,
    find_same_person,
)


@dataclass(frozen=True, eq=False)
class People:
    """What is known of the people on N images; lists have one entry an image."""

    identities: list[str]
    """The label of the source, or `group-00012` where it has none."""
    components: list[str]
    """What is assigned to a split as a whole."""
    first: np.ndarray
    """The row of the first image that each duplicates, its own where it duplicates none."""
    duplicates: list[Duplicate]
    same_person: SamePerson
    label_noise: list[LabelNoise]
    giants: list[Giant]
    unlabelled: int
    """Images without a label of the source."""

    def manifest(self) -> dict[str, Any]:
        """Counts and notes, as `face_ref.json` has them."""
        return {
            "identities": len(set(self.identities)),
            "components": len(set(self.components)),
            "unlabelled_images": self.unlabelled,
            "near_duplicate_pairs": _counted(item.kind for item in self.duplicates),
            "label_noise": _counted(item.kind for item in self.label_noise),
            "giant_components": [asdict(giant) for giant in self.giants],
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """Warnings that a reader of the set must see; none for a set without peculiarities."""
        return notes_of(self.giants, self.unlabelled, self.same_person.manifest())


def notes_of(giants: Iterable[Giant], unlabelled: int, same_person: Mapping[str, Any]) -> list[str]:
    """The notes of `People`; `same_person` is the threshold as the manifest has it."""
    value, method = same_person["value"], same_person["method"]
    # Where no label has two images, that labels are tied is what is looked for.
    notes = [
        f"The component {giant.component!r} ties {giant.labels:,} labels and {giant.images:,} "
        "images: check the label noise, or give a higher --same-person."
        for giant in (giants if method != FROM_ALL else ())
    ]
    if value is None:
        whose = "each counts as a person" if unlabelled else "each label counts as a person"
        notes.append(
            f"No same-person threshold was found ({method}): {whose}, so somebody may be in two "
            "splits or among his own references. Give one with --same-person."
        )
    elif unlabelled or method == FROM_ALL:
        notes.append(
            f"Who is who was guessed from the embeddings, at a cosine of {value:g} ({method}): "
            "somebody may be in two splits or among his own references. Labels, or a lower "
            "--same-person, make that rarer."
        )
    return notes


def are_guessed(manifest: Mapping[str, Any]) -> bool:
    """Whether a set's manifest says that who is who was guessed, in part or in whole."""
    same = manifest["thresholds"].get("same_person", {"value": None, "method": FROM_ALL})
    unlabelled = manifest.get("people", {}).get("unlabelled_images", 0)
    return bool(unlabelled) or same["value"] is None or same.get("method") == FROM_ALL


def find_people(
    identities: Sequence[str | None],
    sha256: Sequence[str],
    hashes: np.ndarray,
    embeddings: np.ndarray,
    *,
    seed: int = 0,
    same_person: float | None = None,
    device: str = "cpu",
) -> People:
    """Group N images into people and components, and find doubtful labels.

    Args:
        identities: The label of each image; None or "" where it is unknown.
        sha256: Of each source file, hexadecimal; "" where it is unknown.
        hashes: uint8 (N, 64) of `duplicates.face_hashes`.
        embeddings: L2-normalised float32 (N, D).
        seed: Of the pairs that the threshold is calibrated on.
        same_person: Cosine from which two images are one person; None estimates it.
        device: `cpu` or `cuda`, for the search.
    """
    neighbours = find_neighbours(embeddings, device=device)
    nearest = neighbours.nearest()
    for links in GUESSED_LINKS:
        same = find_same_person(embeddings, identities, nearest, seed, same_person, links)
        similar = pairs_above(neighbours, same.value)
        if same.method != FROM_ALL:
            break
        groups = connect(len(embeddings), similar.left, similar.right)
        if np.bincount(groups).max() < LARGEST * len(embeddings):
            break
    close = pairs_above(neighbours, max(SIMILAR_COSINE, same.value or 0))
    duplicates = find_duplicates(sha256, hashes, close, same.value)
    left = [*similar.left.tolist(), *(item.left for item in duplicates)]
    right = [*similar.right.tolist(), *(item.right for item in duplicates)]
    labels = _fill(identities, np.array(left, int), np.array(right, int))
    components = find_components(labels, left, right)
    return People(
        labels,
        components,
        first_of_each(len(labels), duplicates),
        duplicates,
        same,
        find_label_noise(embeddings, identities, neighbours, similar, same),
        find_giants(components, labels),
        sum(not identity for identity in identities),
    )


def _fill(identities: Sequence[str | None], left: np.ndarray, right: np.ndarray) -> list[str]:
    """Labels, with `group-...` for unknown ones: groups of unlabelled images that are tied."""
    unknown = np.array([not identity for identity in identities])
    both = unknown[left] & unknown[right]
    groups = connect(len(identities), left[both], right[both])
    numbers = np.unique(groups[unknown], return_inverse=True)[1]
    names = iter(group_names(numbers))
    return [identity or next(names) for identity in identities]


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))
