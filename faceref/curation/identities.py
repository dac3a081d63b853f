"""Who is who: labels, groups, near-duplicates and components of all usable images of a build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    measure,
)


@dataclass(frozen=True, eq=False)
class People:
    """What is known of the people on N images; lists have one entry an image."""

    identities: list[str]
    """The label of the source, or `group-00012` where it has none."""
    guessed: np.ndarray
    """Whether the source has no label, bool (N,)."""
    components: list[str]
    """What is assigned to a split as a whole."""
    first: np.ndarray
    """The row of the first image that each duplicates, its own where it duplicates none."""
    duplicates: list[Duplicate]
    same_person: SamePerson
    label_noise: list[LabelNoise]

    def manifest(self) -> dict[str, Any]:
        """Counts and notes, as `face_ref.json` has them."""
        return {
            **entries_of(
                self.identities,
                self.components,
                int(self.guessed.sum()),
                self.same_person.manifest(),
            ),
            "near_duplicate_pairs": by_kind(item.kind for item in self.duplicates),
            "label_noise": by_kind(item.kind for item in self.label_noise),
        }


def entries_of(
    identities: Sequence[str],
    components: Sequence[str],
    unlabelled: int,
    same_person: Mapping[str, Any],
) -> dict[str, Any]:
    """What `people` of `face_ref.json` says that the rows alone tell.

    Args:
        identities: Of each image, its label or group.
        components: Of each image.
        unlabelled: Images without a label of the source.
        same_person: The threshold as the manifest has it.

    Returns:
        Counts, giant components, and notes: warnings that a reader of the set must see, none for a
        set without peculiarities.
    """
    giants = find_giants(components, identities)
    largest = max(Counter(components).values(), default=0) / max(1, len(components))
    return {
        "identities": len(set(identities)),
        "components": len(set(components)),
        "unlabelled_images": unlabelled,
        "giant_components": [asdict(giant) for giant in giants],
        "notes": list(_notes(giants, largest, unlabelled, same_person)),
    }


def by_kind(kinds: Iterable[str]) -> dict[str, int]:
    """How many findings there are of each kind, as `face_ref.json` has them."""
    return dict(sorted(Counter(kinds).items()))


def _notes(
    giants: Iterable[Giant], largest: float, unlabelled: int, same_person: Mapping[str, Any]
) -> Iterator[str]:
    """`largest` is the share of all images that the largest component has."""
    value, method = same_person["value"], same_person["method"]
    # Where no label has two images, that labels are tied is what is looked for.
    for giant in giants if method != FROM_ALL else ():
        yield (
            f"The component {giant.component!r} ties {giant.labels:,} labels and {giant.images:,} "
            "images: check the label noise, or give a higher --same-person."
        )
    chained = method == FROM_ALL and largest >= LARGEST
    if chained:
        yield (
            f"The largest group holds {largest:.0%} of all images. Where that is not one person, "
            f"false links have chained many together: give a --same-person above {value:g}."
        )
    if value is None:
        whose = "each counts as a person" if unlabelled else "each label counts as a person"
        yield (
            f"No same-person threshold was found ({method}): {whose}, so somebody may be in two "
            "splits or among his own references. Give one with --same-person."
        )
    elif unlabelled or method == FROM_ALL:
        way = "Labels make" if chained else "Labels, or a lower --same-person, make"
        yield (
            f"Who is who was guessed from the embeddings, at a cosine of {value:g} ({method}): "
            f"somebody may be in two splits or among his own references. {way} that rarer."
        )


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
    histograms = measure(embeddings, identities, neighbours.nearest(), seed)
    for links in GUESSED_LINKS:
        same = find_same_person(histograms, len(embeddings), same_person, links)
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
        np.array([not identity for identity in identities]),
        components,
        first_of_each(len(labels), duplicates),
        duplicates,
        same,
        find_label_noise(embeddings, identities, neighbours, similar, same),
    )


def _fill(identities: Sequence[str | None], left: np.ndarray, right: np.ndarray) -> list[str]:
    """Labels, with `group-...` for unknown ones: groups of unlabelled images that are tied."""
    unknown = np.array([not identity for identity in identities])
    both = unknown[left] & unknown[right]
    groups = connect(len(identities), left[both], right[both])
    numbers = np.unique(groups[unknown], return_inverse=True)[1]
    names = iter(group_names(numbers))
    return [identity or next(names) for identity in identities]
