"""How often references share what a table says of a face, such as sex and age group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceref.dataset.store import REFERENCE_LISTS
from faceref.errors import FaceRefError
from faceref.reading.attributes import read_attributes

if TYPE_CHECKING:
    import pandas as pd

    from faceref.dataset.face_ref import FaceRef

MOST_WORDS = 12
"""Different words beyond which a column is no attribute, but a name or a number."""
RANDOM = "random"


def agreement(face_ref: FaceRef, table: Path, split: str) -> pd.DataFrame:
    """See `FaceRef.agreement`."""
    import pandas as pd

    shares = shares_of_faces(face_ref, table, split)
    found = {
        attribute: {kind: float(np.nanmean(one)) for kind, one in kinds.items()}
        for attribute, kinds in shares.items()
    }
    return pd.DataFrame.from_dict(found, "index").rename_axis("attribute")


def shares_of_faces(face_ref: FaceRef, table: Path, split: str) -> dict[str, dict[str, np.ndarray]]:
    """Of each attribute, and of random faces of train and each list, the share that agrees.

    Shares are float64 (N,), in the order of the split; NaN for a face that has no reference in the
    list, or nobody else in train. Raises FaceRefError where that is every face.
    """
    rows = face_ref.table(split, ["image_id", "identity", *REFERENCE_LISTS]).to_pylist()
    pool, people = (face_ref.column("train", name) for name in ("image_id", "identity"))
    words = read_attributes(table, [row["image_id"] for row in rows] + pool)
    listed = {name: [_places(face_ref, row[name]) for row in rows] for name in REFERENCE_LISTS}
    own = [row["identity"] for row in rows]
    found = {}
    for attribute, values in words.items():
        ours, theirs = values[: len(rows)], values[len(rows) :]
        if 2 <= len(set(theirs.tolist())) <= MOST_WORDS:
            shares = {RANDOM: _by_chance(ours, own, theirs, people)}
            shares |= {name: _of_lists(ours, theirs, places) for name, places in listed.items()}
            found[attribute] = shares
    if not found:
        raise FaceRefError(
            f"{table} has no attribute of 2 to {MOST_WORDS} words in train: {', '.join(words)}. "
            "Give a column such as sex or age group."
        )
    for kind, shares in next(iter(found.values())).items():
        if not np.isfinite(shares).any():
            what = "other people in train" if kind == RANDOM else f"references in {kind}"
            raise FaceRefError(f"No face of {split!r} in {face_ref.root} has {what} to compare.")
    return found


def _places(face_ref: FaceRef, references: Sequence[dict[str, Any]]) -> list[int]:
    return [face_ref.pool.place(item["image_id"]) for item in references]


def _of_lists(ours: np.ndarray, theirs: np.ndarray, places: Sequence[Sequence[int]]) -> np.ndarray:
    """Share of the references of each face that have its word."""
    counts = np.array([len(one) for one in places])
    face = np.repeat(np.arange(len(places)), counts)
    flat = np.array([place for one in places for place in one], np.int64)
    agree = np.bincount(face, ours[face] == theirs[flat], minlength=len(places))
    return np.where(counts > 0, agree / np.maximum(counts, 1), np.nan)


def _by_chance(
    ours: np.ndarray, own: Sequence[str], theirs: np.ndarray, people: Sequence[str]
) -> np.ndarray:
    """Share of the faces of other people that have the word of each face."""
    with_word, of_person = Counter(theirs.tolist()), Counter(people)
    both = Counter(zip(people, theirs.tolist(), strict=True))
    pairs = list(zip(ours.tolist(), own, strict=True))
    agree = np.array([with_word[word] - both[person, word] for word, person in pairs])
    others = np.array([len(people) - of_person[person] for _, person in pairs])
    return np.where(others > 0, agree / np.maximum(others, 1), np.nan)
