"""The leak certificate: what can be checked about a finished set, checked on its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from faceref.errors import FaceRefError
from faceref.store import REFERENCE_LISTS, SPLITS, FaceRef, fingerprint

ROUNDING = 1e-4
"""Scores are stored rounded, so that much may be above the bound."""
Row = Mapping[str, Any]


class LeakError(FaceRefError):
    """A finished set breaks a rule of mining."""


def leaks(rows: Sequence[Row], bound: float | None) -> Iterator[str]:
    """Every broken rule of `rows`, one line each with the pair that breaks it.

    A row needs `image_id`, `split`, `identity`, `refs_hr` and `refs_lr`. The rules: no person in
    two splits; no reference that is the probe, shows its person, is not in train, is given twice or
    is not in the set; no score of `refs_hr` above `bound`.
    """
    people = _people(rows)
    for first, second in combinations(SPLITS, 2):
        for person in sorted(people[first] & people[second]):
            yield f"{first} and {second} share the person {person!r}"
    known = {row["image_id"]: row for row in rows}
    for row in rows:
        for name in REFERENCE_LISTS:
            for image_id, text in _wrong_references(row, name, known, bound):
                yield f"{name} of {row['image_id']}: the reference {image_id} is {text}"


def certify(rows: Sequence[Row], bound: float | None) -> dict[str, Any]:
    """Check `rows` by the rules of `leaks` and count what was checked; raises LeakError."""
    for leak in leaks(rows, bound):
        raise LeakError(leak)
    people = _people(rows)
    return {
        "references_checked": sum(len(row[name]) for row in rows for name in REFERENCE_LISTS),
        "identities": {name: len(people[name]) for name in SPLITS},
        "identities_shared_between_splits": 0,
        "references_of_self": 0,
        "references_of_same_identity": 0,
        "references_outside_train": 0,
        "references_above_bound": 0,
    }


def audit(face_ref: FaceRef) -> Iterator[str]:
    """Everything that a Face_Ref claims and that its files contradict, one line each."""
    rows = [row for name in SPLITS for row in face_ref.rows(name)]
    manifest = face_ref.manifest
    yield from leaks(rows, manifest["thresholds"]["max_similarity"]["value"])
    for name in SPLITS:
        claimed, found = manifest["counts"][name], sum(row["split"] == name for row in rows)
        if claimed != found:
            yield f"face_ref.json claims {claimed} faces in {name}, the files hold {found}"
    if manifest["fingerprint"] != fingerprint(rows):
        yield "the fingerprint in face_ref.json is not that of the rows: they were changed"


def _people(rows: Sequence[Row]) -> dict[str, set[str]]:
    people: dict[str, set[str]] = {name: set() for name in SPLITS}
    for row in rows:
        people[row["split"]].add(row["identity"])
    return people


def _wrong_references(
    row: Row, name: str, known: Mapping[str, Row], bound: float | None
) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for reference in row[name]:
        image_id = reference["image_id"]
        other = known.get(image_id)
        if other is None:
            yield image_id, "not in the set"
            continue
        if image_id == row["image_id"]:
            yield image_id, "the probe itself"
        elif other["identity"] == row["identity"]:
            yield image_id, "the same person"
        if other["split"] != "train":
            yield image_id, f"in {other['split']}"
        if image_id in seen:
            yield image_id, "given twice"
        if name == "refs_hr" and bound is not None and reference["score"] > bound + ROUNDING:
            yield image_id, f"above the bound: {reference['score']:.4f} > {bound}"
        seen.add(image_id)
