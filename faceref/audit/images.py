"""What the published images say about the claims of a set: duplicates, scores, people."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from faceref.console import Progress
from faceref.curation.duplicates import SIMILAR_COSINE, as_hashes, face_hashes, find_duplicates
from faceref.curation.links import Pairs, find_neighbours, pairs_above
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import REFERENCE_LISTS, SPLITS, decode
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError, UnreadableImage, where_they_differ
from faceref.images import thumbnail
from faceref.similarity.vectors import appearance

TOLERANCE = {"refs_hr": 2e-3, "refs_lr": 2e-4}
"""A score may be that far from the one computed again: models differ between devices."""
BATCH = 256
Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """What is computed from the published images, in the order of the rows."""

    hashes: np.ndarray
    """uint8 (N, 64), see `duplicates.face_hashes`."""
    thumbnails: np.ndarray
    """LR faces, uint8 RGB (N, 16, 16, 3)."""
    embeddings: np.ndarray | None
    """L2-normalised float32 (N, D) of the HR faces; None without an embedder."""

    @cached_property
    def appearance(self) -> np.ndarray:
        """float32 (N, 768), see `vectors.appearance`."""
        return appearance(self.thumbnails)

    def take(self, rows: Sequence[int]) -> ImageFeatures:
        """The features of `rows`."""
        places = np.asarray(rows, int)
        embeddings = None if self.embeddings is None else self.embeddings[places]
        return ImageFeatures(self.hashes[places], self.thumbnails[places], embeddings)


def contradictions(
    face_ref: FaceRef,
    rows: Sequence[Row],
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Iterator[str]:
    """Compute near-duplicates, scores and same-person pairs again and compare them with the rows.

    Args:
        face_ref: The set.
        rows: Of all its splits, in order.
        embedder: That of the build; without it identity is not checked.
        progress: Is given the images done and all images.

    Yields:
        A line for each contradiction, with the pair of images.

    Raises:
        FaceRefError: For an embedder other than that of the build.
    """
    manifest = face_ref.manifest
    features = image_features(face_ref, embedder, progress)
    same = manifest["thresholds"].get("same_person", {}).get("value")
    similar = None
    if features.embeddings is not None:
        neighbours = find_neighbours(features.embeddings)
        similar = pairs_above(neighbours, max(SIMILAR_COSINE, same or 0))
        yield from _divided_people(rows, pairs_above(neighbours, same))
    yield from _copies(rows, features, similar, same)
    kinds = manifest["mining"]["likeness"]
    vectors = {"identity": features.embeddings, "appearance": features.appearance}
    for name in REFERENCE_LISTS:
        known = vectors.get(kinds[name])
        if known is not None and (name, kinds[name]) != ("refs_lr", "identity"):
            yield from _scores(rows, name, known)
    bound = manifest["thresholds"]["max_similarity"]["value"]
    if features.embeddings is not None and bound is not None:
        yield from _above_bound(rows, features.embeddings, bound)


def image_features(
    face_ref: FaceRef, embedder: Embedder | None = None, progress: Progress | None = None
) -> ImageFeatures:
    """Decode every image once, in batches, and keep what is computed from it.

    Args:
        face_ref: The set.
        embedder: That of the build; without it there are no embeddings.
        progress: Is given the images done and all images.

    Returns:
        Features in the order of the rows: train, val, test.

    Raises:
        FaceRefError: For an embedder other than that of the build, and for a damaged image.
    """
    made_with = face_ref.manifest["embedder"]
    if embedder is not None and embedder.provenance() != made_with:
        given = embedder.provenance()
        if given["name"] != made_with["name"]:
            raise FaceRefError(
                f"The set was made with the embedder {made_with['name']!r}, not with "
                f"{given['name']!r}. Give that one, or leave it out where embeddings are not "
                "needed."
            )
        theirs, given = where_they_differ(made_with, given)
        raise FaceRefError(
            f"The set was made with the embedder of other settings: {theirs}, now {given}. "
            "Give that one, or leave it out where embeddings are not needed."
        )
    total = sum(face_ref.manifest["counts"].values())
    hashes: list[bytes] = []
    thumbnails: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    images = (pair for split in SPLITS for pair in face_ref.stream(split))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := list(islice(images, BATCH)):
            faces = list(pool.map(_face, batch))
            hashes += pool.map(face_hashes, faces)
            thumbnails += map(thumbnail, faces)
            if embedder is not None:
                size = embedder.batch_size
                starts = range(0, len(faces), size)
                stacks = [np.stack(faces[start : start + size]) for start in starts]
                embeddings += pool.map(embedder.embed, stacks)
            if progress:
                progress(len(thumbnails), total)
    vectors = np.concatenate(embeddings) if embeddings else None
    return ImageFeatures(as_hashes(hashes), np.stack(thumbnails), vectors)


def _face(pair: tuple[str, bytes]) -> np.ndarray:
    image_id, encoded = pair
    try:
        return decode(encoded)
    except UnreadableImage as error:
        raise FaceRefError(
            f"The image of {image_id} in the set cannot be read: {error}. Copy the set again, or "
            "build it again."
        ) from error


def _copies(
    rows: Sequence[Row], features: ImageFeatures, similar: Pairs | None, same: float | None
) -> Iterator[str]:
    """Near-duplicates in two splits or components, beside their probe, or twice in a list."""
    digests = [row.get("sha256") or "" for row in rows]
    copies: dict[str, dict[str, str]] = defaultdict(dict)
    for found in find_duplicates(digests, features.hashes, similar, same):
        left, right = rows[found.left], rows[found.right]
        copies[left["image_id"]][right["image_id"]] = found.kind
        copies[right["image_id"]][left["image_id"]] = found.kind
        yield from _divided(left, right, f"near-duplicates ({found.kind})")
    for row in rows:
        for name in REFERENCE_LISTS:
            yield from _copies_in_list(row, name, copies)


def _copies_in_list(row: Row, name: str, copies: dict[str, dict[str, str]]) -> Iterator[str]:
    ids = [item["image_id"] for item in row[name]]
    own = copies.get(row["image_id"], {})
    for place, image_id in enumerate(ids):
        if image_id in own:
            yield f"{name} of {row['image_id']}: the reference {image_id} is a near-duplicate of it"
        for other in ids[:place]:
            if image_id in copies.get(other, {}):
                yield (
                    f"{name} of {row['image_id']}: the references {other} and {image_id} are "
                    "near-duplicates"
                )


def _divided_people(rows: Sequence[Row], pairs: Pairs) -> Iterator[str]:
    for left, right in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
        yield from _divided(rows[left], rows[right], "probably one person")


def _divided(left: Row, right: Row, what: str) -> Iterator[str]:
    """A line where two related images are in different splits or components."""
    for field in ("split", "component"):
        if left.get(field) != right.get(field):
            pair = f"{left['image_id']} and {right['image_id']} are {what}"
            yield f"{pair}, but in the {field}s {left.get(field)!r} and {right.get(field)!r}"
            return


def _scores(rows: Sequence[Row], name: str, vectors: np.ndarray) -> Iterator[str]:
    places = {row["image_id"]: place for place, row in enumerate(rows)}
    for place, row in enumerate(rows):
        listed = [item for item in row[name] if item["image_id"] in places]
        found = vectors[[places[item["image_id"]] for item in listed]] @ vectors[place]
        for item, score in zip(listed, found.tolist(), strict=True):
            if abs(item["score"] - score) > TOLERANCE[name]:
                yield (
                    f"{name} of {row['image_id']}: the score of {item['image_id']} is "
                    f"{item['score']:.4f}, its images give {score:.4f}"
                )


def _above_bound(rows: Sequence[Row], embeddings: np.ndarray, bound: float) -> Iterator[str]:
    """References of any list whose identity cosine is above the bound."""
    places = {row["image_id"]: place for place, row in enumerate(rows)}
    for place, row in enumerate(rows):
        for name in REFERENCE_LISTS:
            ids = [item["image_id"] for item in row[name] if item["image_id"] in places]
            found = embeddings[[places[image_id] for image_id in ids]] @ embeddings[place]
            for image_id, score in zip(ids, found.tolist(), strict=True):
                if score > bound + TOLERANCE["refs_hr"]:
                    yield (
                        f"{name} of {row['image_id']}: the reference {image_id} is probably the "
                        f"same person, cosine {score:.4f} above {bound}"
                    )
