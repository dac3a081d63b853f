"""Taking people's images out of a finished set, as whoever is shown may ask for.

What is removed leaves rows, references, pool and tables; lists that lost a reference are mined
again where the embedder of the build is given. The set gets a new version and fingerprint.

`removals.json` records salted hashes of the ids, so that a rebuild can distinguish what was removed
from what is missing. The salt lies beside them: who has the source's list of names can still
try each. `lr_encoder.safetensors`, which was trained on the faces of the build, stays as it is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceref.audit.images import ImageFeatures, image_features
from faceref.audit.manifest import bound_on_scores, entries_from_rows
from faceref.console import Progress
from faceref.curation.duplicates import SIMILAR_COSINE, find_duplicates, first_of_each
from faceref.curation.links import find_neighbours, pairs_above
from faceref.dataset import card, store
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.prune import Row, copy_tables, renamed, shortened, without
from faceref.dataset.store import SPLITS
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError, closest
from faceref.files import copy_file, write_text
from faceref.mining.mine import Candidates, Limits, mine
from faceref.outputs.ours import need_ours
from faceref.outputs.working import put_in_place, working_folder
from faceref.reading.text import read_lines
from faceref.release.format import RELEASE, REMOVALS, read_removals, salted, was_removed
from faceref.release.people import people_of
from faceref.similarity.search import open_search
from faceref.similarity.vectors import Vectors, likeness


@dataclass(frozen=True)
class Removed:
    """What came of it."""

    manifest: dict[str, Any]
    images: int
    shortened: int
    """Rows that lost a reference, or had lost one before and were mined again."""
    refilled: bool
    encoder_stays: bool = False
    """Whether the set keeps an LR encoder whose training saw the set with these images."""


def read_ids(path: Path) -> list[str]:
    """Image ids, one a line; raises FaceRefError for a file without any."""
    lines = read_lines(path, "Give --ids a file with one image id a line.")
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise FaceRefError(f"{path} names no image. Give one image id a line.")
    return ids


def remove(
    root: Path,
    ids: Collection[str],
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Removed:
    """Take images out of a set, in place and in one step; what was removed before is passed over.

    Args:
        root: The set.
        ids: Image ids.
        embedder: That of the build, which mines again the lists that are too short, by this removal
            or an earlier one; None leaves these lists shorter.
        progress: Is given the images embedded and all images.

    Returns:
        The new manifest and what was changed.

    Raises:
        FaceRefError: For an id that is not in the set, for a release, for another embedder, and
            where a split would be left empty.
    """
    root = root.resolve()
    face_ref = FaceRef.open(root)
    need_ours(root)
    if RELEASE in face_ref.manifest:
        raise FaceRefError(
            f"{root} is a release. Remove from the set that it was made of, then publish again."
        )
    rows = [row for split in SPLITS for row in face_ref.rows(split)]
    gone = _known(ids, rows, face_ref)
    kept = renamed(without(rows, gone))
    short = shortened(rows, kept)
    if embedder is not None:
        wanted = set(short) | _too_short(face_ref, kept)
        features = image_features(face_ref, embedder, progress) if wanted else None
        filled = _refilled(face_ref, rows, kept, wanted, features) if features else kept
        changed = {
            new["image_id"] for old, new in zip(kept, filled, strict=True) if _differ(old, new)
        }
        short, kept = sorted(changed.union(short)), filled
    if not gone and not short:
        return Removed(face_ref.manifest, 0, 0, embedder is not None)
    manifest = _manifest(face_ref, kept, gone)
    with working_folder(root, "removing") as work:
        made = work / "finished"
        _write(face_ref, kept, manifest, gone, made)
        put_in_place(made, root, overwrite=True)
    stays = len(kept) < len(rows) and (root / store.LR_ENCODER).is_file()
    return Removed(manifest, len(gone), len(short), embedder is not None, stays)


def _too_short(face_ref: FaceRef, rows: Sequence[Row]) -> set[str]:
    """Ids of the rows with fewer references than a set was built for; none of one never changed."""
    if not (face_ref.root / REMOVALS).is_file():
        return set()
    most = face_ref.manifest["references"]
    return {
        row["image_id"]
        for row in rows
        if any(len(row[name]) < most for name in store.REFERENCE_LISTS)
    }


def _differ(one: Row, other: Row) -> bool:
    """Whether two rows have other references; their scores may differ in the last digit."""
    ids = [
        [[item["image_id"] for item in row[name]] for name in store.REFERENCE_LISTS]
        for row in (one, other)
    ]
    return ids[0] != ids[1]


def _known(ids: Collection[str], rows: Sequence[Row], face_ref: FaceRef) -> set[str]:
    """Those of `ids` that are still there; raises FaceRefError for one that never was."""
    there = {row["image_id"] for row in rows} | {row["image_id"] for row in face_ref.rejects()}
    record = face_ref.root / REMOVALS
    removed, salt = was_removed(record) if record.is_file() else (set(), "")
    for image_id in ids:
        if image_id not in there and salted(image_id, salt) not in removed:
            raise FaceRefError(
                f"{image_id!r} is not in {face_ref.root}.{closest(image_id, there)} Ids are "
                "those of the column image_id."
            )
    return there.intersection(ids)


def _manifest(face_ref: FaceRef, kept: Sequence[Row], gone: Set[str]) -> dict[str, Any]:
    manifest = face_ref.manifest
    rejects = [row for row in face_ref.rejects() if row["image_id"] not in gone]
    found = entries_from_rows(kept, rejects, bound_on_scores(manifest))
    empty = [split for split, count in found["counts"].items() if count == 0]
    if empty and manifest["counts"][empty[0]]:
        raise FaceRefError(f"Nothing would be left in {empty[0]}. Build a new set instead.")
    if "people" in manifest:
        found["people"] = people_of(manifest, face_ref.root, kept, gone)
    return {**manifest, **found, "version": manifest.get("version", 1) + 1}


def _refilled(
    face_ref: FaceRef,
    rows: Sequence[Row],
    kept: Sequence[Row],
    short: Set[str],
    every: ImageFeatures,
) -> list[Row]:
    """`kept`, with the lists of the images `short` mined again among what is left.

    `every` holds the features of all `rows`.
    """
    places = {row["image_id"]: place for place, row in enumerate(rows)}
    features = every.take([places[row["image_id"]] for row in kept])
    affected = np.array([place for place, row in enumerate(kept) if row["image_id"] in short])
    made = [dict(row) for row in kept]
    for name in store.REFERENCE_LISTS:
        for place, found in zip(
            affected, _mined(face_ref, kept, features, name, affected), strict=True
        ):
            made[place][name] = [{"image_id": item, "score": score} for item, score in found]
    return made


def _mined(
    face_ref: FaceRef, rows: Sequence[Row], features: ImageFeatures, name: str, affected: np.ndarray
) -> list[list[tuple[str, float]]]:
    """New lists for the rows `affected`, by the rules of the build, searched exactly."""
    from faceref.lr_encoder.model import embed_lr, load_encoder

    manifest, embeddings = face_ref.manifest, features.embeddings
    assert embeddings is not None
    kind = manifest["mining"]["likeness"][name]
    own = embeddings
    if name == "refs_lr" and kind != "appearance":
        sha256 = manifest["lr_encoder"]["sha256"]
        encoder = load_encoder(face_ref.root / store.LR_ENCODER, sha256=sha256)
        own = embed_lr(encoder, features.thumbnails)
    vectors = likeness(kind, Vectors(own, embeddings), features.appearance, manifest["seed"])
    ids = [row["image_id"] for row in rows]
    people = [row["component"] for row in rows]
    copies = _copies(rows, features, manifest["thresholds"]["same_person"]["value"])
    probes, pool = (
        Candidates.of(ids, people, embeddings, side, copies)
        for side in (vectors.queries, vectors.keys)
    )
    pool = pool.take(np.array([row["split"] == "train" for row in rows]).nonzero()[0])
    limits = Limits(manifest["thresholds"]["max_similarity"]["value"])
    search = open_search(pool.vectors)
    diversity = manifest["mining"]["diversity"]
    return list(
        mine(probes.take(affected), pool, manifest["references"], limits, search, diversity)
    )


def _copies(rows: Sequence[Row], features: ImageFeatures, same: float | None) -> np.ndarray:
    assert features.embeddings is not None
    similar = pairs_above(find_neighbours(features.embeddings), max(SIMILAR_COSINE, same or 0))
    found = find_duplicates([row["sha256"] for row in rows], features.hashes, similar, same)
    return first_of_each(len(rows), list(found))


def _write(
    face_ref: FaceRef, kept: Sequence[Row], manifest: dict[str, Any], gone: Set[str], out: Path
) -> None:
    by_id = {row["image_id"]: row for row in kept}
    for split in SPLITS:
        images = ((by_id[name], png) for name, png in face_ref.stream(split) if name in by_id)
        made = (store.with_image(row, png) for row, png in images)
        store.write_split(out, split, made, manifest["counts"][split])
    copy_tables(face_ref.root, out, gone)
    encoder = face_ref.root / store.LR_ENCODER
    if encoder.is_file():
        copy_file(encoder, out / encoder.name)
    record = _record(face_ref.root / REMOVALS, manifest["version"], gone)
    write_text(out / REMOVALS, json.dumps(record, indent=2, sort_keys=True) + "\n")
    store.write_manifest(out, manifest)
    write_text(out / "README.md", card.write(manifest))


def _record(path: Path, version: int, gone: Set[str]) -> dict[str, Any]:
    found = {"salt": secrets.token_hex(32), "removals": []}
    if path.is_file():
        found = read_removals(path)
    if not gone:
        return found
    hashes = sorted(salted(image_id, found["salt"]) for image_id in gone)
    entry = {"version": f"v{version}", "images": len(gone), "hashes": hashes}
    return {**found, "removals": [*found["removals"], entry]}
