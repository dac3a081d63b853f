"""What must hold of the rows and tables of a set before anything of it is published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceref.audit.leaks import leaks
from faceref.dataset import store
from faceref.dataset.credits import CREDITS
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import AGAIN, LR_ENCODER, SPLITS, fingerprint
from faceref.errors import FaceRefError
from faceref.files import copy_file, file_sha256, write_table
from faceref.reading.boundary import reading
from faceref.reading.json_file import read_json
from faceref.reading.parquet import pyarrow_source, read_parquet
from faceref.release.format import REMOVALS
from faceref.release.policy import Policy, PolicyError

Row = Mapping[str, Any]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMES = {"celeba": re.compile(r"\d{6}"), "ffhq": re.compile(r"\d{5}")}
"""Image ids of the sources whose files have official names."""
_NUMBER = r"-?\d+(\.\d+)?"
_DETAILS = {
    "unreadable": r"[A-Z][A-Za-z]+|empty file|not a file|cut off|over [\d,]+ (pixels|bytes)|"
    r"damaged [A-Z]+ data(, or a rare kind of [A-Z]+)?|needs more memory than there is|"
    r"no image (of a format that can be read|but a web page, or XML|but a pointer of Git LFS.*)|"
    r"cannot be read \((the archive ends \d+ bytes too early|[A-Za-z /'-]{,60}|"
    r"(wrong CRC-32|damaged member) of the zip at byte \d+)\)|HEIC needs pip install .*",
    "no face": "|its landmarks coincide",
    "too small": rf"eye distance {_NUMBER} px, needs {_NUMBER}",
    "cut off": r"\d+% in the image, needs \d+%",
    "blurred": rf"sharpness {_NUMBER}, needs {_NUMBER}",
    "turned away": rf"yaw {_NUMBER} degrees, at most {_NUMBER}",
    "wrong landmarks": "a coordinate is not finite|all points coincide|both eyes are at one point|"
    r"the face that they make lies outside of the image, \d+x\d+",
    "several faces": r"\d+ of \d+ are alike in size and place \([\d., ]+\)",
    "detector failed": r"([a-z]\w*\.)?[A-Za-z_]+",
    "embedder failed": r"([a-z]\w*\.)?[A-Za-z_]+|not finite",
    "unsure": rf"detector score {_NUMBER}, needs {_NUMBER}",
}
"""Reasons and details as `faceref.pipeline.stages` writes them."""


def check_table(path: Path, schema: pa.Schema) -> None:
    """Raise PolicyError where a Parquet file has what `schema` has not: a column, a field, a note.

    Sets of earlier versions may have less.
    """
    with reading(path, AGAIN):
        found = pq.read_schema(pyarrow_source(path))
        notes = _notes(found)
    extra = [name for name in found.names if name not in schema.names]
    if extra:
        raise PolicyError(
            "known-columns",
            f"{path} has the columns {', '.join(extra)}, which no build writes: they will not be "
            "published. Build the set again.",
        )
    if not _contained(_types(found), _types(schema)) or not _contained(notes, _notes(schema)):
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

    Where names of files are official, ids must be such names: they could reveal who is shown.
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
            "similar embeddings, which may not be published and nobody could find again. Build it "
            "with that file.",
        )


def _check_values(rows: Sequence[Row], rejects: Sequence[Row], policy: Policy) -> None:
    name = _NAMES.get(policy.source)
    for row in (*rows, *rejects):
        if name is not None and not name.fullmatch(row["image_id"]):
            raise PolicyError(
                f"{policy.source}-names",
                f"{row['image_id']!r} is no file name of {policy.source}: it could reveal who is "
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
    """Raise PolicyError for an image of which nobody says who made it, and on what terms."""
    path = face_ref.root / CREDITS
    known: dict[str, Row] = {}
    if path.is_file():
        named = pa.schema([("image_id", pa.string())])
        credits = read_parquet(path, AGAIN, named, whole={"image_id"}).to_pylist()
        known = {row["image_id"]: row for row in credits}
    for row in rows:
        credit = known.get(row["image_id"], {})
        lacking = [name for name in ("author", "licence", "url") if not credit.get(name)]
        if lacking:
            raise PolicyError(
                f"{row['source']}-credits",
                f"{CREDITS} gives no {' and no '.join(lacking)} for {row['image_id']}, and no "
                "image may be published without. Publish the index, or take the image out with "
                "`faceref remove`.",
            )


TABLE_SCHEMAS = {
    store.REJECTS: store.REJECT_SCHEMA,
    store.DUPLICATES: store.DUPLICATE_SCHEMA,
    store.LABEL_NOISE: store.NOISE_SCHEMA,
    store.ORACLE: store.ORACLE_SCHEMA,
}


def write_tables(face_ref: FaceRef, out: Path, withheld: Sequence[str]) -> None:
    """Write all files of a release that are neither rows nor made for it to the folder `out`.

    Raises PolicyError where one of them holds more than a build writes.
    """
    root, hidden = face_ref.root, "identities" in withheld
    if hidden:
        table = read_parquet(root / store.REJECTS, AGAIN, store.REJECT_SCHEMA)
        table = table.drop_columns(["identity"])
        write_table(out / store.REJECTS, table)
    else:
        for name, schema in TABLE_SCHEMAS.items():
            if (root / name).is_file():
                check_table(root / name, schema)
                copy_file(root / name, out / name)
    if "embeddings" not in withheld and (root / store.LR_ENCODER).is_file():
        copy_file(root / store.LR_ENCODER, out / store.LR_ENCODER)
    for name, write in ((CREDITS, _write_credits), (REMOVALS, _write_removals)):
        if (root / name).is_file():
            write(face_ref, root / name, out / name)


def _write_credits(face_ref: FaceRef, path: Path, out: Path) -> None:
    if not face_ref.manifest["origin"]["credited"]:
        raise FaceRefError(f"{path} gives credits, but the source gave none. Take the file out.")
    names = ("image_id", "author", "licence", "licence_url", "title", "url")
    check_table(path, pa.schema([(name, pa.string()) for name in names]))
    copy_file(path, out)


def _write_removals(face_ref: FaceRef, path: Path, out: Path) -> None:
    """Copy the record of removals; it may hold numbers, hashes and names of keys only."""
    if fault := next(_in_clear(read_json(path, AGAIN)), None):
        raise PolicyError(
            "removals-by-hash",
            f"{path} has {fault!r}: a record of removals may hold numbers and hashes only.",
        )
    copy_file(path, out)


def _in_clear(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not re.fullmatch(r"[a-z_]{1,24}", key):
                yield key
            yield from _in_clear(item)
    elif isinstance(value, list):
        for item in value:
            yield from _in_clear(item)
    elif isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{64}|sha256|v\d+", value):
        yield value
