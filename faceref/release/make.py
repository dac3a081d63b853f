"""Makes the folder that `faceref publish` uploads: an allow-list of files, made anew or checked.

Nothing is taken along because it lies in the folder of the set: each file below is either written
here, column by column, or copied after its content was found to be what a build writes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceref.dataset import store
from faceref.dataset.credits import CREDITS
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS
from faceref.errors import FaceRefError
from faceref.files import copy_file, file_sha256, write_table, write_text
from faceref.outputs.ours import need_replaceable
from faceref.outputs.working import put_in_place, settle, working_folder
from faceref.reading.parquet import pyarrow_source
from faceref.release import card as release_card
from faceref.release import croissant
from faceref.release.checks import (
    TABLE_SCHEMAS,
    check_credits,
    check_rows,
    check_table,
    write_tables,
)
from faceref.release.format import (
    CARD,
    CROISSANT,
    FULL,
    INDEX,
    INDEX_FORMAT,
    PLOT,
    RELEASE,
    REMOVALS,
    index_name,
    index_schema,
    seal,
)
from faceref.release.manifest_guard import check_manifest
from faceref.release.plot import plot_scores
from faceref.release.policy import Licence, Policy, policy_of
from faceref.release.provenance import source_of

ROWS_PER_FILE = 65_536
Row = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What is to be published, and how."""

    repo: str
    """`owner/name` on the Hub."""
    kind: str = INDEX
    """`index` or `full`."""
    licence: Licence | None = None
    """None: that of the source."""
    version: str = ""
    """Tag; empty: `v` and the version of the set."""
    contact: str = ""
    """Where people ask for removal; empty: the discussions of the repository."""


@dataclass(frozen=True)
class Release:
    """A folder as it goes up."""

    root: Path
    kind: str
    version: str
    source: str = ""
    withheld: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Files of the set's folder that are not part of it."""

    def files(self) -> dict[str, Path]:
        """All files by their path in the repository, sorted."""
        found = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path for path in found}


@dataclass(frozen=True)
class _Set:
    """A Face_Ref that has passed every check."""

    face_ref: FaceRef
    rows: list[Row]
    rejects: list[Row]
    policy: Policy
    licence: Licence
    withheld: tuple[str, ...]


def make_release(root: Path, out: Path, wish: Wish) -> Release:
    """Write what may be published of a Face_Ref to a folder.

    The same set and wish give the same bytes.

    Args:
        root: The set.
        out: The folder; a release there is replaced, anything else is an error.
        wish: What is to be published, and how.

    Returns:
        The folder and what it withholds.

    Raises:
        PolicyError: For what the source forbids, with the name of the rule.
        FaceRefError: For a set that does not hold what it claims.
    """
    checked = _check(FaceRef.open(root), wish)
    version = wish.version or f"v{checked.face_ref.manifest.get('version', 1)}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", version) or version == "main":
        raise FaceRefError(f"--tag {version!r} is no name of a version: give one such as v1.")
    place = {"overwrite": True, "inputs": [root], "key": RELEASE}
    settle(out.resolve(), "making")
    need_replaceable(out.resolve(), **place)
    with working_folder(out.resolve(), "making") as work:
        made = work / "finished"
        _write(checked, made, wish, version)
        put_in_place(made, out.resolve(), **place)
    return Release(out, wish.kind, version, checked.policy.source, checked.withheld, _left(checked))


def _check(face_ref: FaceRef, wish: Wish) -> _Set:
    _check_shards(face_ref)
    rows = [row for split in SPLITS for row in face_ref.rows(split)]
    check_table(face_ref.root / store.REJECTS, store.REJECT_SCHEMA)
    rejects = face_ref.rejects()
    policy = policy_of(source_of(face_ref, rows, rejects))
    licence = policy.require(wish.kind, wish.licence)
    withheld = policy.withheld(wish.kind)
    check_rows(face_ref, rows, rejects, policy)
    if {"identities", "embeddings"} & set(withheld):
        check_manifest(_manifest(face_ref.manifest, withheld))
    if policy.credits and wish.kind == FULL:
        check_credits(face_ref, rows)
    return _Set(face_ref, rows, rejects, policy, licence, withheld)


def _check_shards(face_ref: FaceRef) -> None:
    """Raise FaceRefError unless the shards are those that a build writes, with no other column."""
    for split in SPLITS:
        shards = face_ref.shards(split)
        names = [store.shard_name(split, place, len(shards)) for place in range(len(shards))]
        if [path.relative_to(face_ref.root).as_posix() for path in shards] != names:
            raise FaceRefError(
                f"{face_ref.root}/data holds other files of {split} than {', '.join(names)}. "
                "Take them out, or build the set again."
            )
        for path in shards:
            check_table(path, store.SCHEMA)


def _left(checked: _Set) -> tuple[str, ...]:
    root = checked.face_ref.root
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    mine = (*TABLE_SCHEMAS, store.MANIFEST, store.LR_ENCODER, CREDITS, REMOVALS, CARD)
    return tuple(sorted(n for n in names if n not in mine and not n.startswith("data/")))


def _write(checked: _Set, out: Path, wish: Wish, version: str) -> None:
    manifest = checked.face_ref.manifest
    if wish.kind == FULL:
        for split in SPLITS:
            for path in checked.face_ref.shards(split):
                copy_file(path, out / "data" / path.name)
    else:
        for split in SPLITS:
            _write_index(checked, out, split)
    write_tables(checked.face_ref, out, checked.withheld)
    plot_scores(checked.rows, manifest["thresholds"], out / PLOT)
    release = _section(checked, wish, version, out)
    released = {**_manifest(manifest, checked.withheld), RELEASE: release}
    store.write_manifest(out, released)
    card = release_card.write(released, wish.repo, wish.contact, _sizes(out, wish.kind))
    write_text(out / CARD, card)
    write_text(out / CROISSANT, croissant.write(released, wish.repo, out))


def _write_index(checked: _Set, out: Path, split: str) -> None:
    schema = index_schema(checked.withheld)
    total = max(1, -(-checked.face_ref.count(split) // ROWS_PER_FILE))
    rows = _index_rows(checked, split)
    for place in range(total):
        chunk = [row for row, _ in zip(rows, range(ROWS_PER_FILE), strict=False)]
        table = pa.Table.from_pylist(chunk, schema=schema)
        write_table(out / index_name(split, place, total), table)


def _index_rows(checked: _Set, split: str) -> Iterator[Row]:
    labels = {row["image_id"]: row["identity"] for row in checked.rows}
    rows = (row for row in checked.rows if row["split"] == split)
    for row, (_, png) in zip(rows, checked.face_ref.stream(split), strict=True):
        yield {
            **row,
            "component_seal": seal(row, labels, row["component"]),
            "png_sha256": hashlib.sha256(png).hexdigest(),
            "pixels_sha256": hashlib.sha256(store.decode(png).tobytes()).hexdigest(),
        }


def _manifest(manifest: Mapping[str, Any], withheld: Sequence[str]) -> dict[str, Any]:
    """The manifest without what is withheld: names of components are labels."""
    if "identities" not in withheld:
        return dict(manifest)
    return {**manifest, "people": {**manifest["people"], "giant_components": [], "notes": []}}


def _section(checked: _Set, wish: Wish, version: str, out: Path) -> dict[str, Any]:
    licence, root = checked.licence, checked.face_ref.root
    files = [name for name in (*TABLE_SCHEMAS, store.LR_ENCODER) if (root / name).is_file()]
    return {
        "format": INDEX_FORMAT,
        "kind": wish.kind,
        "version": version,
        "licence": {"id": licence.id, "name": licence.name, "link": licence.link},
        "files": _hashes(checked),
        "written_with": {name: installed(name) for name in ("opencv-python", "pyarrow")},
        "withheld": list(checked.withheld),
        "withheld_files": sorted(name for name in files if not (out / name).is_file()),
    }


def _hashes(checked: _Set) -> dict[str, str]:
    """Of the set's files; where identities are withheld of shards only, others can be guessed."""
    root = checked.face_ref.root
    paths: Iterable[Path] = [path for split in SPLITS for path in checked.face_ref.shards(split)]
    if "identities" not in checked.withheld:
        others = (root / name for name in (CARD, store.MANIFEST, CREDITS, *TABLE_SCHEMAS))
        paths = [*paths, *(path for path in others if path.is_file())]
    return {path.relative_to(root).as_posix(): file_sha256(path) for path in sorted(paths)}


def _sizes(out: Path, kind: str) -> dict[str, release_card.Size]:
    """Bytes and rows of each split as they lie in the release."""
    folder = "data" if kind == FULL else INDEX
    found = {}
    for split in SPLITS:
        paths = sorted((out / folder).glob(f"{split}-*.parquet"))
        read = [pq.read_metadata(pyarrow_source(path)) for path in paths]  # Checked a moment ago.
        bytes_ = sum(
            data.row_group(group).total_byte_size
            for data in read
            for group in range(data.num_row_groups)
        )
        rows = sum(data.num_rows for data in read)
        found[split] = release_card.Size(rows, bytes_, sum(path.stat().st_size for path in paths))
    return found
