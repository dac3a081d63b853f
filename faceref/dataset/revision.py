"""What data a number is of: named so that a set built on another machine has the same name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceref.dataset.face_ref import FaceRef

RECIPE = ("source", "image_size", "embedder", "references", "seed", "split_rule")
MINING = ("likeness", "diversity", "min_similarity")
"""No set has `min_similarity` any more, which was null: it stays for the names of earlier sets."""


def data_revision(face_ref: FaceRef) -> str:
    """SHA-256 over id, source file and split of every image, and over how the set was made.

    Not over the references: which of two all but equal faces is the fifth depends on the last
    digit of an embedding, and processors differ in it. What a method was given is in
    `references_digest`. An archive (`archive.py`) names its own: that of its set, or, where it is
    lossy, another.
    """
    manifest = face_ref.manifest
    if "packed" in manifest:
        return manifest["packed"]["data_revision"]
    recipe: dict[str, Any] = {name: manifest.get(name) for name in RECIPE}
    recipe |= {name: manifest.get("mining", {}).get(name) for name in MINING}
    lines = [json.dumps(recipe, sort_keys=True)]
    for split in manifest["counts"]:
        columns = [face_ref.column(split, name) for name in ("image_id", "sha256")]
        lines += sorted(json.dumps([split, *row]) for row in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def archived_from(face_ref: FaceRef) -> str | None:
    """Revision of the data that a lossy archive was made of; None for the data themselves."""
    if "packed" not in face_ref.manifest:
        return None
    original = face_ref.manifest["packed"]["of_data"]
    return None if original == data_revision(face_ref) else original


def references_digest(references: Sequence[Sequence[str]]) -> str:
    """SHA-256 of the ids that each face was given, in the order of the faces."""
    lines = [json.dumps(list(given)) for given in references]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
