"""The leak certificate: what can be checked about a finished set, checked on its files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import REFERENCE_LISTS, SPLITS, fingerprint
from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from faceref.embed.base import Embedder

ROUNDING = 1e-4
"""Scores are stored rounded, so that much may be above the bound."""
SHARED = (("identity", "person"), ("component", "component"), ("sha256", "source file"))
"""Fields of which no value may be in two splits, and what they name."""
Row = Mapping[str, Any]


class LeakError(FaceRefError):
    """A finished set breaks a rule of mining."""


def leaks(rows: Sequence[Row], bound: float | None) -> Iterator[str]:
    """Every broken rule of `rows`, one line each with the pair that breaks it.

    A row needs `image_id`, `split`, `identity`, `refs_hr` and `refs_lr`; `component` and `sha256`
    are checked where they are. The rules: no person, component or source file in two splits; no
    person in two components; no reference that is the probe, shows its person, is of its component
    or its source file, is not in train, is given twice or is not in the set; best first; no score
    of `refs_hr` above `bound`.
    """
    for field, name in SHARED:
        yield from _shared(rows, field, name)
    yield from _divided_people(rows)
    known = {row["image_id"]: row for row in rows}
    for row in rows:
        for name in REFERENCE_LISTS:
            for image_id, text in _wrong_references(row, name, known, bound):
                yield f"{name} of {row['image_id']}: the reference {image_id} is {text}"


def certify(rows: Sequence[Row], bound: float | None) -> dict[str, Any]:
    """Check the rows of a set by the rules of `leaks`.

    Args:
        rows: Of all splits, see `leaks`.
        bound: Identity cosine that no score of `refs_hr` may be above; None for no bound.

    Returns:
        What was checked, as `leak_certificate` of the manifest.

    Raises:
        LeakError: For the first rule that is broken, with the pair of images.
    """
    for leak in leaks(rows, bound):
        raise LeakError(leak)
    return {
        "references_checked": sum(len(row[name]) for row in rows for name in REFERENCE_LISTS),
        "identities": _numbers(rows, "identity"),
        "components": _numbers(rows, "component"),
        "identities_shared_between_splits": 0,
        "components_shared_between_splits": 0,
        "source_files_shared_between_splits": 0,
        "references_of_self": 0,
        "references_of_same_identity": 0,
        "references_of_same_component": 0,
        "references_outside_train": 0,
        "references_above_bound": 0,
    }


def audit(
    face_ref: FaceRef, embedder: Embedder | None = None, progress: Progress | None = None
) -> Iterator[str]:
    """Everything that a Face_Ref claims and that its files contradict.

    The rows are checked by the rules of `leaks`, the manifest by the rows, and both by the images:
    near-duplicates and the scores of `refs_lr` are computed again.

    Args:
        face_ref: The set.
        embedder: That of the build: then the scores of `refs_hr` and the same-person pairs are
            computed again, too.
        progress: Is given the images done and all images.

    Yields:
        A line for each contradiction; none for a set that is what it claims.

    Raises:
        FaceRefError: For an embedder other than that of the build, and for an unpacked archive.
    """
    from faceref.audit.images import contradictions

    face_ref.need_whole()
    rows = [row for name in SPLITS for row in face_ref.rows(name)]
    manifest = face_ref.manifest
    by_identity = manifest["mining"]["likeness"]["refs_hr"] == "identity"
    yield from leaks(
        rows, manifest["thresholds"]["max_similarity"]["value"] if by_identity else None
    )
    for name in SPLITS:
        claimed, found = manifest["counts"][name], sum(row["split"] == name for row in rows)
        if claimed != found:
            yield f"face_ref.json claims {claimed} faces in {name}, the files hold {found}"
    claimed, found = sum(manifest["rejects"].values()), len(face_ref.rejects())
    if claimed != found:
        yield f"face_ref.json claims {claimed} rejects, the files hold {found}"
    if manifest["fingerprint"] != fingerprint(rows):
        yield "the fingerprint in face_ref.json is not that of the rows: they were changed"
    yield from contradictions(face_ref, rows, embedder, progress)


def _numbers(rows: Sequence[Row], field: str) -> dict[str, int]:
    found = {name: {row.get(field) for row in rows if row["split"] == name} for name in SPLITS}
    return {name: len(values - {None}) for name, values in found.items()}


def _shared(rows: Sequence[Row], field: str, name: str) -> Iterator[str]:
    """Values of `field` in two splits, with an image of each."""
    first: dict[str, dict[str, str]] = {split: {} for split in SPLITS}
    for row in rows:
        value = row.get(field)
        if value:
            first[row["split"]].setdefault(value, row["image_id"])
    for left, right in combinations(SPLITS, 2):
        for value in sorted(first[left].keys() & first[right].keys()):
            pair = f"{first[left][value]} and {first[right][value]}"
            yield f"{left} and {right} share the {name} {value!r}: {pair}"


def _divided_people(rows: Sequence[Row]) -> Iterator[str]:
    """People whose images are in two components."""
    seen: dict[str, Row] = {}
    for row in rows:
        first = seen.setdefault(row["identity"], row)
        if row.get("component") != first.get("component"):
            pair = f"{first['image_id']} and {row['image_id']}"
            yield f"two components hold the person {row['identity']!r}: {pair}"


def _wrong_references(
    row: Row, name: str, known: Mapping[str, Row], bound: float | None
) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    last = float("inf")
    for reference in row[name]:
        image_id, score = reference["image_id"], reference["score"]
        other = known.get(image_id)
        if other is None:
            yield image_id, "not in the set"
            continue
        relation = _relation(row, other)
        if relation:
            yield image_id, relation
        if other["split"] != "train":
            yield image_id, f"in {other['split']}"
        if image_id in seen:
            yield image_id, "given twice"
        if score > last + ROUNDING:
            yield image_id, f"not in order: {score:.4f} after {last:.4f}"
        if name == "refs_hr" and bound is not None and score > bound + ROUNDING:
            yield image_id, f"above the bound: {score:.4f} > {bound}"
        seen.add(image_id)
        last = score


def _relation(row: Row, other: Row) -> str | None:
    if other["image_id"] == row["image_id"]:
        return "the probe itself"
    if other["identity"] == row["identity"]:
        return "the same person"
    if row.get("component") and other.get("component") == row["component"]:
        return "of the same component"
    if row.get("sha256") and other.get("sha256") == row["sha256"]:
        return "of the same source file"
    return None
