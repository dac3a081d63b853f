"""Where the faces of a set are really from: its files are read, its manifest is not believed.

Whoever edits every trace of a source out of a set can deceive this; nobody does it unawares.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS, decode
from faceref.release.policy import PolicyError

CELEBA_IMAGES = 202_599
CELEBA_EYES = (88.5, 111.3)
"""Point between the eyes of an aligned image of CelebA, 178x218; its authors put it there."""
NEAR, MOST = 5.0, 0.8
"""Pixels from there, and share of the faces of a set, from which on it is taken for CelebA."""
SHARE, FEWEST = 0.01, 3
"""Share and number of CelebA's file names from which on a set is taken for CelebA."""
Row = Mapping[str, Any]
_WAY_OUT = (
    "If they are, build the set again with --source celeba and publish its index. If they are not"
)


def source_of(face_ref: FaceRef, rows: Sequence[Row], rejects: Sequence[Row]) -> str:
    """The source of all faces; raises PolicyError where files disagree or are those of CelebA."""
    named = {
        "face_ref.json": {face_ref.manifest.get("source")},
        "the rows": {row["source"] for row in rows},
        "rejects.parquet": {row["source"] for row in rejects},
    }
    found = {str(name) for names in named.values() for name in names}
    if len(found) != 1:
        said = "; ".join(f"{place}: {_listed(names)}" for place, names in named.items() if names)
        raise PolicyError(
            "one-source",
            f"the files of {face_ref.root} name different sources ({said}): something was edited "
            "or mixed. Build it again from one source.",
        )
    (source,) = found
    if source == "sample":
        _prove_sample(face_ref, rows)
    elif source != "celeba":
        for sign in _signs_of_celeba(face_ref.manifest, rows):
            raise PolicyError(
                "disguised-celeba", f"the source is said to be {source!r}, but {sign}"
            )
    return source


def _listed(names: Collection[object]) -> str:
    return ", ".join(sorted(map(str, names)))


def _signs_of_celeba(manifest: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    said = f"{manifest.get('licence')} {manifest.get('origin')}".lower()
    if "celeba" in said:
        yield f"face_ref.json speaks of CelebA. {_WAY_OUT}, build it again."
    names = [match[1] for row in rows if (match := _celeba_name(row["image_id"]))]
    if len(names) >= max(FEWEST, SHARE * len(rows)) and len(set(names)) == len(names):
        yield (
            f"{len(names):,} images, such as {names[0]}, are called as in CelebA. {_WAY_OUT}, "
            "rename the files and build the set again."
        )
    points = np.array([row["landmarks"] for row in rows if row["landmarks"]], np.float32)
    if len(points) and _aligned_as_celeba(points.reshape(-1, 5, 2)) >= MOST:
        yield (
            "its eyes lie in the source images where CelebA's aligned images have them. "
            f"{_WAY_OUT}, crop the images otherwise and build the set again."
        )


def _celeba_name(image_id: str) -> re.Match[str] | None:
    match = re.fullmatch(r"(?:.*/)?(\d{6})(?:\.\w{3,4})?", image_id)
    return match if match and 1 <= int(match[1]) <= CELEBA_IMAGES else None


def _aligned_as_celeba(points: np.ndarray) -> float:
    """Share of faces (N, 5, 2) with the point between the eyes where CelebA has it."""
    between = (points[:, :2].mean(1), points[:, :4].mean(1))  # of ArcFace's points, of dlib's
    return max(
        float((np.linalg.norm(point - CELEBA_EYES, axis=1) < NEAR).mean()) for point in between
    )


def _prove_sample(face_ref: FaceRef, rows: Sequence[Row]) -> None:
    """Align the embedded sample again and compare: only what is made of it is free."""
    from faceref.embed.align import SCHEMES, align
    from faceref.pipeline.stages import read
    from faceref.sources.sample import sample

    records = {record.image_id: record for record in sample().records}
    known = {row["image_id"]: row for row in rows}
    templates = [scheme.template for scheme in SCHEMES.values()]
    for split in SPLITS:
        for image_id, encoded in face_ref.stream(split):
            record = read(records[image_id]) if image_id in records else None
            row = known[image_id]
            if record is None or record.pixels is None or record.sha256 != row["sha256"]:
                raise _no_sample(image_id)
            points, face = np.array(row["landmarks"], np.float32).reshape(5, 2), decode(encoded)
            made = (align(record.pixels, points, template)[0] for template in templates)
            if not any(np.array_equal(face, other) for other in made):
                raise _no_sample(image_id)


def _no_sample(image_id: str) -> PolicyError:
    return PolicyError(
        "sample-proof",
        f"the set is said to be built from the embedded sample, but {image_id} is not made from "
        "it. Build the set again.",
    )
