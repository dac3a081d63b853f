"""A Face_Ref in one small file, to train on another host.

It is a tar file with a Face_Ref folder whose faces are WebP: lossless where there is room, else as
good as the size allows. A lossy one has a revision of its own, which what is trained on it records.
It is for machines of one's own; a release is made by `faceref publish`, as the licence permits.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.dataset.store import SPLITS, decode, with_image, write_manifest, write_split
from faceref.errors import FaceRefError, unknown_choice
from faceref.files import replacing
from faceref.outputs.ours import need_apart
from faceref.outputs.writable import need_file

ENDINGS = (".tar",)
LOSSLESS = 101
QUALITIES = (LOSSLESS, 98, 95, 92, 90, 87, 84, 80, 75, 70)
"""WebP's, tried from the best; below the last, details that methods are to restore are gone."""
SAMPLE = 200
"""Faces from which sizes are estimated."""
FOLDER = "face_ref"
"""Name of the folder in the archive."""


@dataclass(frozen=True)
class ArchiveInfo:
    """What an archive holds."""

    quality: int | None
    """WebP's; None: lossless."""
    psnr_rgb: float
    """Of the faces in the archive against those of the set, dB, mean of a sample; 100: the same."""
    faces: int
    splits: list[str]


class _TooLargeError(Exception):
    pass


def write_archive(
    face_ref: FaceRef | str | Path,
    out: Path,
    *,
    megabytes: float = 60.0,
    splits: Sequence[str] = ("train", "val"),
    progress: Progress | None = None,
) -> ArchiveInfo:
    """Write `out`, at most `megabytes` (10^6 bytes), from a Face_Ref.

    `out` ends in `.tar`. Raises FaceRefError for an unknown split, and where even the lowest
    quality is too large.
    """
    for split in splits or [""]:
        if split not in SPLITS:
            raise unknown_choice("split", split, SPLITS)
    opened = FaceRef.open(face_ref)
    need_file(out, endings=ENDINGS)
    need_apart(out, opened.root)
    limit = int(megabytes * 1e6)
    for quality in _fitting(opened, splits, limit):
        found = ArchiveInfo(
            None if quality == LOSSLESS else quality,
            round(_fidelity(opened, splits[0], quality), 2),
            sum(opened.count(split) for split in splits),
            list(splits),
        )
        if _write(opened, out, found, quality, limit, progress):
            return found
    raise FaceRefError(
        f"{opened.root}: {', '.join(splits)} do not fit into {megabytes:g} MB at WebP quality "
        f"{QUALITIES[-1]}. Give --megabytes more, or fewer --splits."
    )


def _fitting(face_ref: FaceRef, splits: Sequence[str], limit: int) -> Iterator[int]:
    """Qualities that may fit, best first, by the sizes of a sample; tried as they are taken."""
    few = _sample(face_ref, splits[0])
    count = sum(face_ref.count(split) for split in splits)
    for quality in QUALITIES:
        if np.mean([len(encode(image, quality)) for image in few]) * count < limit:
            yield quality


def _sample(face_ref: FaceRef, split: str) -> list[np.ndarray]:
    rows = max(1, face_ref.count(split) // SAMPLE)
    stream = enumerate(face_ref.stream(split))
    return [decode(image) for row, (_, image) in stream if row % rows == 0][:SAMPLE]


def _fidelity(face_ref: FaceRef, split: str, quality: int) -> float:
    """Mean PSNR of a sample, dB."""
    if quality == LOSSLESS:
        return 100.0
    few = _sample(face_ref, split)
    return float(np.mean([_psnr(decode(encode(image, quality)), image) for image in few]))


def _psnr(left: np.ndarray, right: np.ndarray) -> float:
    """PSNR of two uint8 images over all channels, dB; 100 where they are equal."""
    error = np.mean((left.astype(np.float64) - right) ** 2)
    return 100.0 if error == 0 else float(10 * np.log10(255**2 / error))


def encode(image: np.ndarray, quality: int) -> bytes:
    """uint8 RGB (H, W, 3) as WebP of that quality, `LOSSLESS` for the same bytes back."""
    buffer = io.BytesIO()
    whole = quality == LOSSLESS
    best = 100 if whole else quality
    Image.fromarray(image).save(buffer, "WEBP", lossless=whole, quality=best, method=4)
    return buffer.getvalue()


def _write(
    face_ref: FaceRef,
    out: Path,
    held: ArchiveInfo,
    quality: int,
    limit: int,
    progress: Progress | None,
) -> bool:
    """Write the archive; False where it is larger than `limit`, and then nothing is left."""
    try:
        with replacing(out) as made:
            folder = made.parent / FOLDER
            for split in held.splits:
                rows = _rows(face_ref, split, quality, progress)
                write_split(folder, split, rows, face_ref.count(split))
            write_manifest(folder, _manifest(face_ref, held))
            with tarfile.open(made, "w") as archive:
                archive.add(folder, FOLDER, filter=_bare)
            if made.stat().st_size > limit:
                raise _TooLargeError
    except _TooLargeError:
        return False
    return True


def _rows(face_ref: FaceRef, split: str, quality: int, progress: Progress | None) -> Iterator[dict]:
    rows = face_ref.rows(split)
    for done, (row, (_, image)) in enumerate(zip(rows, face_ref.stream(split), strict=True), 1):
        found = with_image(row, encode(decode(image), quality))
        found["image"]["path"] = found["image"]["path"].removesuffix(".png") + ".webp"
        yield found
        if progress:
            progress(done, len(rows), split)


def _manifest(face_ref: FaceRef, held: ArchiveInfo) -> dict:
    known = face_ref.manifest
    kept = {split: known["counts"][split] for split in held.splits}
    names = {"fingerprint": known["fingerprint"], "data_revision": data_revision(face_ref)}
    if held.quality is not None:
        names = {name: _lossy(of, held.quality) for name, of in names.items()}
    said = {
        **asdict(held),
        "of": known["fingerprint"],
        "of_data": data_revision(face_ref),
        "data_revision": names["data_revision"],
    }
    return {**known, "counts": kept, "packed": said, "fingerprint": names["fingerprint"]}


def _lossy(name: str, quality: int) -> str:
    """A hash for what is not the set `name` any more."""
    return hashlib.sha256(f"{name} webp {quality}".encode()).hexdigest()


def _bare(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """No time and no owner, so that equal sets give equal files."""
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
