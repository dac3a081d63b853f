"""The tables and files of a release that are copied from the set, each after a look inside."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceref import store
from faceref.credits import CREDITS
from faceref.errors import FaceRefError
from faceref.index_format import REMOVALS
from faceref.policy import PolicyError
from faceref.release_checks import check_table
from faceref.store import FaceRef

TABLES = {
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
        table = pq.read_table(root / store.REJECTS).drop_columns(["identity"])
        pq.write_table(table, out / store.REJECTS)
    else:
        for name, schema in TABLES.items():
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
    text = path.read_text(encoding="utf-8")
    if fault := next(_in_clear(json.loads(text)), None):
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


def copy_file(path: Path, out: Path) -> None:
    """Copy a file; makes the folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, out)
