"""What must hold of the rows and tables of a set before anything of it is published."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceref.certificate import leaks
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
    "cut off": rf"\d+% in the image, needs \d+%",
    "blurred": rf"sharpness {_NUMBER}, needs {_NUMBER}",
    "turned away": rf"yaw {_NUMBER} degrees, at most {_NUMBER}",
    "unsure": rf"detector score {_NUMBER}, needs {_NUMBER}",
}
"""Reasons and details as `faceref.stages` writes them."""


def check_table(path: Path, schema: pa.Schema) -> None:
    """Raise PolicyError unless the columns of a Parquet file are those of `schema`, no others.

    The free text of a Parquet file's footer counts as a column.
    """
    found = pq.read_schema(path)
    extra = [name for name in found.names if name not in schema.names]
    if extra:
        raise PolicyError(
            "known-columns",
            f"{path} has the columns {', '.join(extra)}, which no build writes: they will not be "
            "published. Build the set again.",
        )
    wanted, told = schema.metadata or {}, found.metadata or {}
    if not found.equals(schema) or any(wanted.get(key) != value for key, value in told.items()):
        raise PolicyError(
            "known-columns",
            f"{path} differs from what a build of this version writes. Build the set again.",
        )


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
    if policy.embeddings and encoder.is_file():
        if not report or report["sha256"] != file_sha256(encoder):
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
            raise _planted(f"rejects.parquet: {row['image_id']}", f"{row['reason']}: {row['detail']}")


def _planted(place: str, value: str) -> PolicyError:
    return PolicyError(
        "known-values", f"{place} has {value[:60]!r}, which no build writes. Build the set again."
    )
