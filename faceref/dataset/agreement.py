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

    shares, left_out = shares_of_faces(face_ref, table, split)
    found = {
        attribute: {kind: float(np.nanmean(one)) for kind, one in kinds.items()}
        for attribute, kinds in shares.items()
    }
    made = pd.DataFrame.from_dict(found, "index").rename_axis("attribute")
    people = face_ref.column(split, "identity")
    made.attrs |= {"left_out": left_out, "faces": len(people), "people": len(set(people))}
    return made


def shares_of_faces(
    face_ref: FaceRef, table: Path, split: str
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, int]]:
    """How much each face has in common with its references, and what is no attribute.

    Args:
        face_ref: The opened set.
        table: See `read_attributes`.
        split: That the faces are from, N.

    Returns:
        Of each attribute, and of random faces of train and each list, the share that agrees,
        float64 (N,), in the order of the split; NaN for a face of which the table says nothing, or
        that has nothing to compare with. Then columns that have fewer than 2 or more than
        `MOST_WORDS` different values in train, and how many.

    Raises:
        FaceRefError: Where no column is an attribute, or no face has anything to compare with.
    """
    rows = face_ref.table(split, ["image_id", "identity", *REFERENCE_LISTS]).to_pylist()
    pool, people = (face_ref.column("train", name) for name in ("image_id", "identity"))
    words = read_attributes(table, [row["image_id"] for row in rows] + pool)
    listed = {name: [_places(face_ref, row[name]) for row in rows] for name in REFERENCE_LISTS}
    own = [row["identity"] for row in rows]
    found, left_out = {}, {}
    for attribute, values in words.items():
        ours, theirs = values[: len(rows)], values[len(rows) :]
        different = len({*theirs.tolist()} - {""})
        if not 2 <= different <= MOST_WORDS:
            left_out[attribute] = different
            continue
        shares = {RANDOM: _by_chance(ours, own, theirs, people)}
        shares |= {name: _of_lists(ours, theirs, places) for name, places in listed.items()}
        for kind, one in shares.items():
            if not np.isfinite(one).any():
                what = "other people in train" if kind == RANDOM else f"references in {kind}"
                raise FaceRefError(
                    f"No face of {split!r} in {face_ref.root} has {what} to compare in "
                    f"{attribute!r}. Choose another --split, or another table."
                )
        found[attribute] = shares
    if not found:
        counts = ", ".join(f"{name} has {count:,}" for name, count in left_out.items())
        raise FaceRefError(
            f"{table} has no column with 2 to {MOST_WORDS} different values in train: {counts}. "
            "Give one such as sex or age group."
        )
    return found, left_out


def _places(face_ref: FaceRef, references: Sequence[dict[str, Any]]) -> list[int]:
    return [face_ref.pool.place(item["image_id"]) for item in references]


def _of_lists(ours: np.ndarray, theirs: np.ndarray, places: Sequence[Sequence[int]]) -> np.ndarray:
    """Share of the references of each face that have its word."""
    face = np.repeat(np.arange(len(places)), [len(one) for one in places])
    flat = np.array([place for one in places for place in one], np.int64)
    known = theirs[flat] != ""
    agree = np.bincount(face, ours[face] == theirs[flat], minlength=len(places))
    return _share(ours, agree, np.bincount(face, known, minlength=len(places)))


def _by_chance(
    ours: np.ndarray, own: Sequence[str], theirs: np.ndarray, people: Sequence[str]
) -> np.ndarray:
    """Share of the faces of other people that have the word of each face."""
    known = [pair for pair in zip(people, theirs.tolist(), strict=True) if pair[1]]
    both, of_person = Counter(known), Counter(person for person, _ in known)
    with_word = Counter(word for _, word in known)
    pairs = list(zip(own, ours.tolist(), strict=True))
    agree = np.array([with_word[word] - both[person, word] for person, word in pairs])
    others = np.array([len(known) - of_person[person] for person, _ in pairs])
    return _share(ours, agree, others)


def _share(ours: np.ndarray, agree: np.ndarray, of: np.ndarray) -> np.ndarray:
    """`agree` of `of`; NaN where there is none, or nothing is known of the face itself."""
    return np.where((of > 0) & (ours != ""), agree / np.maximum(of, 1), np.nan)
