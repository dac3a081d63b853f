"""The leak certificate: what can be checked about a finished set, checked on its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faceref.errors import FaceRefError
from faceref.store import REFERENCE_LISTS, SPLITS


class LeakError(FaceRefError):
    """A finished set breaks a rule of mining."""


def certify(rows: Sequence[dict[str, Any]], bound: float | None) -> dict[str, Any]:
    """Check every reference of `rows` and count what was checked.

    A row needs `image_id`, `split`, `identity`, `refs_hr` and `refs_lr`. Raises LeakError for a
    shared identity between splits, for a reference that is the probe itself, of the probe's
    identity, not in train or given twice, and for a score of `refs_hr` above `bound`.
    """
    known = {row["image_id"]: row for row in rows}
    people = {name: {row["identity"] for row in rows if row["split"] == name} for name in SPLITS}
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        if shared := people[first] & people[second]:
            raise LeakError(f"{first} and {second} share {len(shared)} people: {min(shared)!r}")
    checked = 0
    for row in rows:
        for name in REFERENCE_LISTS:
            _check(row, name, known, bound)
            checked += len(row[name])
    return {
        "references_checked": checked,
        "identities": {name: len(people[name]) for name in SPLITS},
        "identities_shared_between_splits": 0,
        "references_of_self": 0,
        "references_of_same_identity": 0,
        "references_outside_train": 0,
        "references_above_bound": 0,
    }


def _check(
    row: dict[str, Any], name: str, known: dict[str, dict[str, Any]], bound: float | None
) -> None:
    probe, seen = row["image_id"], set()
    for reference in row[name]:
        image_id = reference["image_id"]
        other = known[image_id]
        wrong = (
            (image_id == probe, "itself"),
            (other["identity"] == row["identity"], "the same person"),
            (other["split"] != "train", f"in {other['split']}"),
            (image_id in seen, "given twice"),
            (
                name == "refs_hr" and bound is not None and reference["score"] > bound + 1e-4,
                "above the bound",
            ),
        )
        for is_wrong, text in wrong:
            if is_wrong:
                raise LeakError(f"{name} of {probe}: the reference {image_id} is {text}")
        seen.add(image_id)
