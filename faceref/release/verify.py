"""Whether a set, or an index, is whole: its files against its own manifest, in seconds.

`faceref certify` goes further: it decodes every image and computes the claims about leaks again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS, fingerprint
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.outputs.working import half_replaced
from faceref.reading.json_file import read_json
from faceref.release.format import FULL, INDEX, RELEASE
from faceref.release.index import Index

_HOW_TO_MAKE = (
    " Make a set with `faceref build`, or an index with `faceref publish FACE_REF --dry-run`."
)
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
PNG_TAIL = b"IEND\xaeB`\x82"


def verify(root: Path) -> Iterator[str]:
    """Every way in which the files of a set, or of an index, are not those of its manifest.

    A set: counts, rejects, fingerprint, whole images. An index: counts, rejects, its tables, and
    the fingerprint where identities were published. A full release: the hashes of all files, too.

    Args:
        root: A set, an index or a full release.

    Yields:
        A line for each difference; none for what is whole.

    Raises:
        FaceRefError: Where `root` is none of these, and for an unpacked archive.
    """
    if not (root / store.MANIFEST).is_file():
        raise FaceRefError(
            f"{root} is neither a Face_Ref nor an index: it has no {store.MANIFEST}."
            + (half_replaced(root) or _HOW_TO_MAKE)
        )
    kind = _kind(root)
    if kind == INDEX:
        yield from _verify_index(Index.open(root))
        return
    face_ref = FaceRef.open(root)
    face_ref.need_whole()
    try:
        rows = [row for split in SPLITS for row in face_ref.rows(split)]
        rejects = face_ref.rejects()
    except FaceRefError as error:
        yield f"a table cannot be read: {error}"
        return
    yield from _verify_rows(face_ref.manifest, rows, rejects)
    yield from _broken_images(face_ref)
    if kind == FULL:
        yield from _changed_files(root, face_ref.manifest[RELEASE]["files"])


def _kind(root: Path) -> str | None:
    manifest = read_json(root / store.MANIFEST, "Get it again.", store.MANIFEST_SHAPE)
    return manifest.get(RELEASE, {}).get("kind")


def _verify_index(index: Index) -> Iterator[str]:
    try:
        rows, rejects = index.rows, index.rejects
    except FaceRefError as error:
        yield f"a table cannot be read: {error}"
        return
    named = not index.withholds("identities")
    yield from _verify_rows(index.manifest, rows, rejects, named=named)
    published = index.release["files"].items()
    tables = {name: digest for name, digest in published if not name.startswith("data/")}
    yield from _changed_files(index.root, tables)


def _verify_rows(
    manifest: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    rejects: Sequence[Mapping[str, Any]],
    *,
    named: bool = True,
) -> Iterator[str]:
    counts = Counter(row["split"] for row in rows)
    for split, claimed in manifest["counts"].items():
        if counts[split] != claimed:
            yield f"{split} holds {counts[split]:,} rows, the manifest says {claimed:,}"
    reasons = dict(Counter(row["reason"] for row in rejects))
    if reasons != manifest["rejects"]:
        yield f"the rejects are {reasons}, the manifest says {manifest['rejects']}"
    ids = Counter(row["image_id"] for row in rows)
    yield from (
        f"{image_id} is there {times} times" for image_id, times in ids.items() if times > 1
    )
    if named and fingerprint(rows) != manifest["fingerprint"]:
        yield "the fingerprint of the rows is not that of the manifest: they were changed"


def _broken_images(face_ref: FaceRef) -> Iterator[str]:
    for split in SPLITS:
        try:
            for image_id, image in face_ref.stream(split):
                if not (image.startswith(PNG_HEAD) and image.endswith(PNG_TAIL)):
                    yield f"the image of {image_id} is not a whole PNG"
        except FaceRefError as error:
            yield f"the images of {split} cannot be read: {error}"


def _changed_files(root: Path, published: Mapping[str, str]) -> Iterator[str]:
    for name, digest in published.items():
        path = root / name
        made_anew = name in (store.MANIFEST, "README.md")
        if path.is_file() and not made_anew and file_sha256(path) != digest:
            yield f"{name} is not the file that was published"
        if not path.is_file():
            yield f"{name} is missing"
