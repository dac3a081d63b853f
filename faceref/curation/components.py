"""Components: images that must stay in one split, whatever links them.

Tied are images of one label, near-duplicates, and pairs that are probably one person. Faces that
are merely similar are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceref.curation.links import connect

GIANT = 0.01
"""Share of all images that a component may hold beyond its largest label before it is reported."""


@dataclass(frozen=True)
class Giant:
    """A component that links suspiciously many images."""

    component: str
    images: int
    labels: int
    largest_label: int
    """Images of its largest label."""


def find_components(
    identities: Sequence[str], left: Sequence[int] | np.ndarray, right: Sequence[int] | np.ndarray
) -> list[str]:
    """The component of each of N images, given their labels and pairs of rows that are tied.

    A component is named by the first of its labels in order, so that an image that nothing ties to
    another label has its label for component.
    """
    names, numbers = np.unique(np.asarray(identities, dtype=str), return_inverse=True)
    parts = connect(len(names), numbers[np.asarray(left, int)], numbers[np.asarray(right, int)])
    first = np.unique(parts, return_index=True)[1]
    return names[first[parts[numbers]]].tolist()


def find_giants(components: Sequence[str], identities: Sequence[str]) -> list[Giant]:
    """Components with over `GIANT` of all images beyond their largest label, largest first."""
    sizes: dict[str, Counter[str]] = {}
    for component, identity in zip(components, identities, strict=True):
        sizes.setdefault(component, Counter())[identity] += 1
    giants = [
        Giant(name, labels.total(), len(labels), max(labels.values()))
        for name, labels in sizes.items()
        if labels.total() - max(labels.values()) > GIANT * len(components)
    ]
    return sorted(giants, key=lambda giant: (-giant.images, giant.component))
