"""What must hold of the rows and tables of a set before anything of it is published."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceref.certificate import leaks
from faceref.credits import CREDITS
from faceref.embed.base import file_sha256
from faceref.errors import FaceRefError
from faceref.policy import Policy, PolicyError
from faceref.store import LR_ENCODER, SPLITS, FaceRef, fingerprint

Row = Mapping[str, Any]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMES = {"celeba": re.compile(r"\d{6}"), "ffhq": re.compile(r"\d{5}")}
"""Image ids of the sources whose files have official names."""
_NUMBER = r"-?\d+(\.\d+)?"
_DETAILS = {
    "unreadable": r"[A-Z][A-Za-z]+|empty file|over [\d,]+ pixels",
    "no face": "|its landmarks coincide",
    "too small": rf"eye distance {_NUMBER} px, needs {_NUMBER}",
    "cut off": r"\d+% in the image, needs \d+%",
    "blurred": rf"sharpness {_NUMBER}, needs {_NUMBER}",
    "turned away": rf"yaw {_NUMBER} degrees, at most {_NUMBER}",
    "unsure": rf"detector score {_NUMBER}, needs {_NUMBER}",
}
"""Reasons and details as `faceref.stages` writes them."""


def check_table(path: Path, schema: pa.Schema) -> None:
    """Raise PolicyError where a Parquet file has what `schema` has not: a column, a field, a note.

    Sets of earlier versions may have less.
    """
    found = pq.read_schema(path)
    extra = [name for name in found.names if name not in schema.names]
    if extra:
        raise PolicyError(
            "known-columns",
            f"{path} has the columns {', '.join(extra)}, which no build writes: they will not be "
            "published. Build the set again.",
        )
    if not _contained(_types(found), _types(schema)) or not _contained(
        _notes(found), _notes(schema)
    ):
        raise PolicyError(
            "known-columns",
            f"{path} differs from what a build of this version writes. Build the set again.",
        )


def _types(schema: pa.Schema | pa.StructType) -> dict[str, Any]:
    """Types by name, those of the fields of a structure one by one."""
    fields = [schema.field(place) for place in range(len(schema.names))]
    return {
        item.name: _types(item.type) if pa.types.is_struct(item.type) else item.type
        for item in fields
    }


def _notes(schema: pa.Schema) -> dict[str, Any]:
    """The free text in the footer of a file."""
    return {key.decode(): json.loads(text) for key, text in (schema.metadata or {}).items()}


def _contained(found: Any, known: Any) -> bool:
    if isinstance(found, Mapping) and isinstance(known, Mapping):
        return all(key in known and _contained(value, known[key]) for key, value in found.items())
    return found == known


def check_rows(
    face_ref: FaceRef, rows: Sequence[Row], rejects: Sequence[Row], policy: Policy
) -> None:
    """Raise FaceRefError unless rows and rejects are those that the manifest certifies.

    Where names of files are official, ids must be such names: they could tell who is shown.
    """
    manifest = face_ref.manifest
    for leak in leaks(rows, None):
        raise FaceRefError(f"{face_ref.root} has a leak: {leak}. See `faceref certify`.")
    counts = {name: sum(row["split"] == name for row in rows) for name in SPLITS}
    if counts != manifest["counts"] or fingerprint(rows) != manifest["fingerprint"]:
        raise FaceRefError(
            f"{face_ref.root} does not hold the rows that face_ref.json certifies: they were "
            "changed. Build it again."
        )
    _check_values(rows, rejects, policy)
    encoder, report = face_ref.root / LR_ENCODER, manifest.get("lr_encoder")
    known = report and report["sha256"]
    if policy.embeddings and encoder.is_file() and known != file_sha256(encoder):
        raise FaceRefError(f"{encoder} is not the one of the build. Build the set again.")
    if policy.source == "celeba" and not manifest["origin"]["labelled"]:
        raise PolicyError(
            "celeba-labels",
            "this set of CelebA was built without identity_CelebA.txt: its people are groups of "
            "alike embeddings, which may not be published and nobody could find again. Build it "
            "with that file.",
        )


def _check_values(rows: Sequence[Row], rejects: Sequence[Row], policy: Policy) -> None:
    name = _NAMES.get(policy.source)
    for row in (*rows, *rejects):
        if name is not None and not name.fullmatch(row["image_id"]):
            raise PolicyError(
                f"{policy.source}-names",
                f"{row['image_id']!r} is no file name of {policy.source}: it could tell who is "
                "shown. Build the set again from the files as they are handed out.",
            )
    if policy.identities:
        return
    for row in rows:
        if not _SHA256.fullmatch(row["sha256"]):
            raise _planted(f"sha256 of {row['image_id']}", row["sha256"])
    for row in rejects:
        known = _DETAILS.get(row["reason"])
        if known is None or not re.fullmatch(known, row["detail"]):
            raise _planted(
                f"rejects.parquet: {row['image_id']}", f"{row['reason']}: {row['detail']}"
            )


def _planted(place: str, value: str) -> PolicyError:
    return PolicyError(
        "known-values", f"{place} has {value[:60]!r}, which no build writes. Build the set again."
    )


def check_credits(face_ref: FaceRef, rows: Sequence[Row]) -> None:
    """Raise PolicyError for a picture of which nobody says who made it, and on what terms."""
    path = face_ref.root / CREDITS
    credits = pq.read_table(path).to_pylist() if path.is_file() else []
    known = {row["image_id"]: row for row in credits}
    for row in rows:
        credit = known.get(row["image_id"], {})
        lacking = [name for name in ("author", "licence", "url") if not credit.get(name)]
        if lacking:
            raise PolicyError(
                f"{row['source']}-credits",
                f"{CREDITS} gives no {' and no '.join(lacking)} for {row['image_id']}, and no "
                "picture may be published without. Publish the index, or take the picture out with "
                "`faceref remove`.",
            )
