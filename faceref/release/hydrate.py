"""The full Face_Ref from its published index and one's own copy of the source.

Every image is held against the SHA-256 of its file, of its aligned pixels and of its PNG, and the
shards against theirs: what comes out has the rows and images that were published, byte for byte, or
nothing is written. Files that were withheld, as tables of CelebA are, cannot be made again.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np

from faceref.audit.manifest import bound_on_scores, entries_from_rows
from faceref.console import Progress
from faceref.curation.identities import entries_of
from faceref.dataset import card, store
from faceref.dataset.prune import copy_tables, without
from faceref.dataset.store import SPLITS, fingerprint
from faceref.embed.align import ARCFACE, SCHEMES, Landmarks
from faceref.errors import FaceRefError, UnreadableImage
from faceref.files import copy_file, file_sha256, write_text
from faceref.hardware import usable_cores
from faceref.outputs.ours import need_replaceable
from faceref.outputs.working import put_in_place, settle, working_folder
from faceref.pipeline import stages
from faceref.pipeline.reduced import align_in, first_look
from faceref.record import Record
from faceref.release.format import REMOVALS, open_components, salted, was_removed
from faceref.release.index import Index, Row
from faceref.release.people import people_of
from faceref.sources.base import Source

BATCH = 256
KINDS = ("missing", "altered", "extra")
"""Of images by which a copy differs from the index; each line of a report begins with one."""


@dataclass(frozen=True)
class Comparison:
    """Image ids, each list in the order of the index or of the source."""

    missing: list[str] = field(default_factory=list)
    """In the index, not in the copy."""
    altered: list[str] = field(default_factory=list)
    """In both, with other bytes; or a file that cannot be read."""
    extra: list[str] = field(default_factory=list)
    """In the copy only. They do no harm: nothing of them is read."""

    @property
    def whole(self) -> bool:
        """Whether the set can be made again from the copy."""
        return not self.missing and not self.altered

    def lines(self) -> list[str]:
        """One line for each image, and the kind before it."""
        found = zip(KINDS, (self.missing, self.altered, self.extra), strict=True)
        return [f"{kind}: {image_id}" for kind, ids in found for image_id in ids]

    def summary(self) -> str:
        """The three counts."""
        return (
            f"{len(self.missing):,} images missing, {len(self.altered):,} altered, "
            f"{len(self.extra):,} extra"
        )


class IncompleteError(FaceRefError):
    """The copy of the source lacks images of the index; `found` names each."""

    def __init__(self, text: str, found: Comparison) -> None:
        super().__init__(text)
        self.found = found


def compare(
    rows: Sequence[Row],
    rejected: Iterable[str],
    records: Sequence[Record],
    workers: int,
    progress: Progress | None = None,
) -> Comparison:
    """Hash every file that `rows` name; `rejected` are ids that the build saw and did not use."""
    there = {record.image_id: record for record in records}
    wanted = {row["image_id"] for row in rows}
    known = wanted | set(rejected)
    missing = [row["image_id"] for row in rows if row["image_id"] not in there]
    asked = [row for row in rows if row["image_id"] in there]
    altered = []
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            digests = pool.map(digest_of, (there[row["image_id"]] for row in part))
            altered += [
                row["image_id"]
                for row, found in zip(part, digests, strict=True)
                if found != row["sha256"]
            ]
            if progress:
                progress(start + len(part), len(asked))
    return Comparison(missing, altered, [name for name in there if name not in known])


def digest_of(record: Record) -> str | None:
    """SHA-256 of the encoded image; None where it cannot be read."""
    try:
        return hashlib.sha256(record.encoded()).hexdigest()
    except UnreadableImage:
        return None


AHEAD = 64
"""Images a thread that are made before the first is written."""
LABELS = {"celeba": " Put identity_CelebA.txt beside its images."}
"""Where a source says who is on an image."""
EXTRA_COLUMNS = ("component_seal", "png_sha256", "pixels_sha256")


@dataclass(frozen=True)
class Hydrated:
    """What came of it."""

    manifest: dict[str, Any]
    comparison: Comparison
    files: int
    """Files that are, byte for byte, those of the published set."""
    differing: list[str] = field(default_factory=list)
    """Files that are not, with the same rows and pixels."""
    absent: list[str] = field(default_factory=list)
    """Files of the published set that nothing published can make again."""


def hydrate(
    index: Path,
    source: Source,
    out: Path,
    *,
    partial: bool = False,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Hydrated:
    """Build the Face_Ref that an index describes from one's own copy of its source.

    First every file is compared with the index, then the set is made in a folder of its own and
    moved into place.

    Args:
        index: The folder of the index.
        source: The images.
        out: The folder to write.
        partial: Leave missing and altered images out everywhere; the manifest then says that it is
            another set.
        overwrite: Whether a set `out` may be replaced.
        inputs: Where the source lies: `out` must lie elsewhere.
        workers: Number of threads; None for one a core.
        progress: Is given the images done and all images.

    Raises:
        IncompleteError: Where images are missing or altered; it names each.
        FaceRefError: Where the source is another, or this machine aligns otherwise.
    """
    opened = Index.open(index)
    out, inputs = out.resolve(), [index, *inputs]
    settle(out, "hydrating")
    need_replaceable(out, overwrite=overwrite, inputs=inputs)
    _need_source(opened, source)
    workers = workers or usable_cores()
    rejected = [row["image_id"] for row in opened.rejects]
    found = compare(opened.rows, rejected, source.records, workers, progress)
    found = replace(found, extra=_unexpected(opened, found.extra))
    if not found.whole and not partial:
        raise IncompleteError(
            f"{found.summary()}. Nothing was written. Get these images again, or give --partial to "
            "leave them out of the set.",
            found,
        )
    with working_folder(out, "hydrating") as work:
        made = work / "finished"
        manifest = _make(opened, source, found, made, workers, progress)
        published = opened.release["files"] if found.whole else {}
        same, differing = _compare_files(published, made)
        withheld = opened.release.get("withheld_files", [])
        absent = sorted(n for n in {*published, *withheld} if not (made / n).is_file())
        put_in_place(made, out, overwrite=overwrite, inputs=inputs)
    return Hydrated(manifest, found, same, differing, absent)


def _need_source(index: Index, source: Source) -> None:
    made_of = index.manifest["source"]
    if made_of != source.name:
        raise FaceRefError(
            f"The index was made from the source {made_of!r}, not from {source.name!r}. Give the "
            f"copy of {made_of} with --source-kind {made_of}."
        )
    labelled = index.manifest.get("origin", {}).get("labelled")
    if index.withholds("identities") and labelled and not source.labelled:
        raise FaceRefError(
            "The index leaves it to the source to say who is on each image, and this copy does not "
            f"say it.{LABELS.get(source.name, '')} Nothing was written."
        )


def _unexpected(index: Index, extra: Sequence[str]) -> list[str]:
    """Those of `extra` that were not removed from the set on request."""
    path = index.root / REMOVALS
    if not path.is_file():
        return list(extra)
    removed, salt = was_removed(path)
    return [image_id for image_id in extra if salted(image_id, salt) not in removed]


def _make(
    index: Index,
    source: Source,
    found: Comparison,
    out: Path,
    workers: int,
    progress: Progress | None,
) -> dict[str, Any]:
    records = {record.image_id: record for record in source.records}
    gone = {*found.missing, *found.altered}
    rows = _rows(index, records)
    kept = without(rows, gone) if gone else rows
    if not gone and fingerprint(rows) != index.manifest["fingerprint"]:
        raise FaceRefError(
            "This copy says of other people than the index that they are on the images: its labels "
            f"were changed, or the index was.{LABELS.get(source.name, '')} Get both again."
        )
    rejects = _rejects(index, records)
    manifest = _manifest(index, kept)
    if gone:
        manifest |= entries_from_rows(kept, rejects, bound_on_scores(manifest))
        if "people" in manifest:
            manifest["people"] = people_of(manifest, index.root, kept, gone)
        manifest["hydrated"] = {"missing": len(found.missing), "altered": len(found.altered)}
    done = 0
    for split in SPLITS:
        wanted = [row for row in kept if row["split"] == split]
        images = _images(wanted, records, index.manifest["embedder"], workers)
        vectors = _reported(images, done, len(kept), progress)
        made = (store.with_image(_bare(row), png) for row, png in zip(wanted, vectors, strict=True))
        store.write_split(out, split, made, len(wanted))
        done += len(wanted)
    _write_tables(index, rejects, manifest, out, gone)
    return manifest


def _write_tables(
    index: Index, rejects: Sequence[Row], manifest: dict[str, Any], out: Path, gone: set[str]
) -> None:
    copy_tables(index.root, out, gone)
    store.write_rejects(out, [row for row in rejects if row["image_id"] not in gone])
    for name in (store.LR_ENCODER, REMOVALS):
        if (index.root / name).is_file():
            copy_file(index.root / name, out / name)
    store.write_manifest(out, manifest)
    write_text(out / "README.md", card.write(manifest))


def _rows(index: Index, records: Mapping[str, Record]) -> list[Row]:
    """The rows of the index with the columns that were withheld, as the source has them."""
    rows = [dict(row) for row in index.rows]
    if index.withholds("identities"):
        labels = {name: record.identity for name, record in records.items()}
        parts = open_components(rows, labels)
        for row in rows:
            row["identity"] = labels.get(row["image_id"], "")
            row["component"] = parts.get(row["identity"], row["identity"])
    if index.withholds("landmarks"):
        for row in rows:
            record = records.get(row["image_id"])
            if record is not None:
                row["landmarks"] = _given(record).ravel().tolist()
    return rows


def _given(record: Record) -> np.ndarray:
    if record.landmarks is None:
        raise FaceRefError(
            f"The index leaves the landmarks to the source, and this copy has none for "
            f"{record.image_id}. Give the copy with its files of landmarks."
        )
    return record.landmarks


def _rejects(index: Index, records: Mapping[str, Record]) -> list[Row]:
    if not index.withholds("identities"):
        return index.rejects
    labels = {name: record.identity for name, record in records.items()}
    return [{**row, "identity": labels.get(row["image_id"])} for row in index.rejects]


def _manifest(index: Index, rows: Sequence[Row]) -> dict[str, Any]:
    """The manifest of the set; what names components is made again where it was withheld."""
    manifest = index.manifest
    if index.withholds("identities"):
        people, same = manifest["people"], manifest["thresholds"]["same_person"]
        identities, components = ([row[key] for row in rows] for key in ("identity", "component"))
        found = entries_of(identities, components, people["unlabelled_images"], same)
        known = {name: found[name] for name in ("giant_components", "notes")}
        manifest = {**manifest, "people": {**people, **known}}
    return manifest


def _bare(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in EXTRA_COLUMNS}


def _images(
    rows: Sequence[Row],
    records: Mapping[str, Record],
    embedder: Mapping[str, Any],
    workers: int,
) -> Iterator[bytes]:
    """The PNG of each row in order, made by threads a bounded number of images ahead."""
    waiting: deque[Future[bytes]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for row in rows:
            waiting.append(pool.submit(make_png, row, records[row["image_id"]], embedder))
            if len(waiting) > AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def make_png(row: Mapping[str, Any], record: Record, embedder: Mapping[str, Any]) -> bytes:
    """The aligned face of one row, encoded; raises FaceRefError where it is not the published one.

    Its PNG may differ from the published one where another version of OpenCV writes it.
    """
    given = row["quality"]["detector_score"] is None
    scheme = ARCFACE if given else SCHEMES[embedder.get("landmarks", ARCFACE.name)]
    # Sets of before large JPEGs were read smaller have their faces from the whole image.
    for longest in (first_look(embedder.get("det_size")), math.inf):
        read = stages.read(record, longest)
        face = _aligned(row, read, scheme)
        if hashlib.sha256(face.tobytes()).hexdigest() == row["pixels_sha256"]:
            png = stages.encode(read.having(face=face)).png
            assert png is not None
            return png
        if read.shrunk == 1:
            break
    raise FaceRefError(
        f"{row['image_id']} has the right bytes but is aligned otherwise here: another version "
        f"of OpenCV ({installed('opencv-python')}) or Pillow ({installed('pillow')})? Install "
        "those that `release.written_with` in face_ref.json of the index names."
    )


def _aligned(row: Mapping[str, Any], read: Record, scheme: Landmarks) -> np.ndarray:
    """The face of one row; raises FaceRefError where its image or landmarks are of no use."""
    if read.pixels is None or read.sha256 != row["sha256"]:
        raise FaceRefError(f"{row['image_id']} changed while it was read. Start again.")
    points = np.array(row["landmarks"], np.float32).reshape(5, 2)
    try:
        return align_in(read, points, scheme.template)[0]
    except ValueError as error:
        raise FaceRefError(
            f"{row['image_id']}: its landmarks in the index make no face ({error}). "
            "The index is damaged: get it again."
        ) from error
    except UnreadableImage as error:
        raise FaceRefError(f"{row['image_id']} cannot be read: {error}") from error


def _reported(
    images: Iterator[bytes], done: int, total: int, progress: Progress | None
) -> Iterator[bytes]:
    for place, image in enumerate(images, 1):
        if progress:
            progress(done + place, total)
        yield image


def _compare_files(published: Mapping[str, str], out: Path) -> tuple[int, list[str]]:
    """How many files have the SHA-256 that was published, and which have another."""
    there = [name for name in published if (out / name).is_file()]
    differing = [name for name in there if file_sha256(out / name) != published[name]]
    return len(there) - len(differing), differing
