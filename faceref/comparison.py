"""Somebody's copy of a source held against an index: what is missing, altered or more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from faceref.engine import Progress
from faceref.errors import FaceRefError
from faceref.record import Record
from faceref.released import Row

BATCH = 256


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
        kinds = (("missing", self.missing), ("altered", self.altered), ("extra", self.extra))
        return [f"{kind}: {image_id}" for kind, ids in kinds for image_id in ids]

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
        return hashlib.sha256(record.encoded() or b"").hexdigest()
    except (OSError, ValueError):
        return None
