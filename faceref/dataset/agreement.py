"""How often references share what a table says of a face, such as sex and age group."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceref.dataset.store import REFERENCE_LISTS
from faceref.errors import FaceRefError
from faceref.reading.attributes import read_attributes

if TYPE_CHECKING:
    import pandas as pd

    from faceref.dataset.face_ref import FaceRef

MOST_WORDS = 12
"""Different words beyond which a column is no attribute, but a name or a number."""


def agreement(face_ref: FaceRef, table: Path, split: str) -> pd.DataFrame:
    """See `FaceRef.agreement`."""
    import pandas as pd

    rows = face_ref.table(split, ["image_id", "identity", *REFERENCE_LISTS]).to_pylist()
    pool, people = (face_ref.column("train", name) for name in ("image_id", "identity"))
    if not rows:
        raise FaceRefError(f"{face_ref.root} has no face in split {split!r}.")
    ids, own = ([row[name] for row in rows] for name in ("image_id", "identity"))
    words = read_attributes(table, ids + pool)
    place = {image_id: row for row, image_id in enumerate(pool, start=len(ids))}
    lists = {
        name: [[place[item["image_id"]] for item in row[name]] for row in rows]
        for name in REFERENCE_LISTS
    }
    found = {}
    for attribute, values in words.items():
        ours, theirs = values[: len(ids)].tolist(), values[len(ids) :].tolist()
        if 2 <= len(set(theirs)) <= MOST_WORDS:
            shares = {name: _share(values, references) for name, references in lists.items()}
            found[attribute] = {"random": _chance(ours, own, theirs, people), **shares}
    if not found:
        raise FaceRefError(
            f"{table} has no attribute of 2 to {MOST_WORDS} words: {', '.join(words)}. Give a "
            "column such as sex or age group."
        )
    return pd.DataFrame.from_dict(found, "index").rename_axis("attribute")


def _chance(ours: list[str], own: list[str], theirs: list[str], people: list[str]) -> float:
    """Share of the faces of other people that have the word of a face; a mean over faces."""
    with_word, of_person = Counter(theirs), Counter(people)
    both = Counter(zip(people, theirs, strict=True))
    return float(
        np.mean(
            [
                (with_word[word] - both[person, word]) / (len(theirs) - of_person[person])
                for word, person in zip(ours, own, strict=True)
            ]
        )
    )


def _share(values: np.ndarray, references: list[list[int]]) -> float:
    """Share of the references that have the word of their face; a mean over faces."""
    return float(
        np.mean([np.mean(values[rows] == values[row]) for row, rows in enumerate(references)])
    )
