"""The stages that one image goes through: each gives its record back, richer or rejected.

A rejected record passes through the rest untouched, so every image of a source is accounted for.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import cv2
import numpy as np

from faceref.curation.duplicates import face_hashes
from faceref.embed.align import ARCFACE, Landmarks, align
from faceref.embed.base import Detection, Embedder
from faceref.embed.choice import central_face, likely_faces
from faceref.embed.faces import ModelFailedError, embed_each
from faceref.errors import UnreadableImage
from faceref.images import thumbnail
from faceref.pipeline.quality import pose, sharpness
from faceref.pipeline.reduced import align_in, detect_in, first_look, in_source
from faceref.reading.image import decode
from faceref.record import Quality, Record

Stage = Callable[[Record], Record]

SEVERAL = "several faces"
"""Reason to reject an image of which nobody knows whose face is meant."""
SHOWN = 4
"""Weights of faces that a reason names."""

PNG = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
)
"""Against Pillow's default level 6: 5 times as fast, files 1 % larger (LFW)."""


def run(stages: Sequence[Stage], records: Sequence[Record]) -> list[Record]:
    """`records` through `stages`, each up to the one that rejects it.

    One stage after the other, because its code and tables then stay in the cache.
    """
    for stage in stages:
        records = [record if record.reject is not None else stage(record) for record in records]
    return list(records)


def chain(*stages: Stage) -> Stage:
    """Several stages as one, so that what one leaves for the next is held for one image alone."""

    def stage(record: Record) -> Record:
        return run(stages, [record])[0]

    return stage


def read(record: Record, longest: float = math.inf) -> Record:
    """Read the file and decode it to upright uint8 RGB; `longest` as of `decode`."""
    sha256 = ""
    try:
        data = record.encoded()
        sha256 = hashlib.sha256(data).hexdigest()
        found = decode(data, longest)
    except UnreadableImage as error:
        return record.having(sha256=sha256).rejected("unreadable", str(error))
    kept = data if found.shrunk > 1 else None
    return record.having(pixels=found.pixels, shrunk=found.shrunk, sha256=sha256, data=kept)


def read_for(embedder: Embedder) -> Stage:
    """Stage that reads an image as large as it is looked at first, see `reduced.py`."""
    return partial(read, longest=first_look(embedder.det_size))


def find_face(embedder: Embedder, likes: Mapping[str, np.ndarray] | None = None) -> Stage:
    """Stage that detects faces, chooses one and aligns it.

    Landmarks that the source gave are used as they are, by ArcFace's template, without detection.
    Of a centred image the central face is taken. Elsewhere several may be the subject, see
    `likely_faces`: then it is the one nearest to the embedding that `likes` has for the label, and
    without that nobody knows.
    """

    def stage(record: Record) -> Record:
        if record.landmarks is not None:
            return _place(record, record.landmarks, ARCFACE, None, None)
        try:
            record, found = detect_in(embedder, record)
            if not found:
                return record.rejected("no face")
            assert record.pixels is not None
            height, width = record.pixels.shape[:2]
            if record.centred:
                likely = [(central_face(found, width, height), 1.0)]
            else:
                likely = likely_faces(found, width, height)
            like = None if likes is None else likes.get(record.identity)
            if len(likely) > 1 and like is None:
                weights = ", ".join(f"{weight:.2f}" for _, weight in likely[:SHOWN])
                return record.rejected(
                    SEVERAL,
                    f"{len(likely)} of {len(found)} are alike in size and place ({weights})",
                )
            faces = [face for face, _ in likely]
            face = faces[0] if like is None else _nearest(record.pixels, faces, embedder, like)
        except ModelFailedError as error:
            return record.rejected("detector failed", error.kind)
        except UnreadableImage as error:
            return record.rejected("unreadable", str(error))
        points = in_source(face.landmarks, record.shrunk)
        return _place(record, points, embedder.scheme, face.score, len(found))

    return stage


def _nearest(
    image: np.ndarray, faces: Sequence[Detection], embedder: Embedder, like: np.ndarray
) -> Detection:
    """The one of `faces` whose embedding is nearest to `like`; those that have none come last."""
    scores = np.full(len(faces), -np.inf)
    for place, face in enumerate(faces):
        try:
            aligned = align(image, face.landmarks, embedder.scheme.template)[0]
        except ValueError:
            continue
        (vector,) = embed_each(embedder, aligned[None])
        if isinstance(vector, np.ndarray):
            scores[place] = vector @ like
    return faces[int(scores.argmax())]


def _place(
    record: Record, points: np.ndarray, scheme: Landmarks, score: float | None, faces: int | None
) -> Record:
    try:
        pixels, inside = align_in(record, points, scheme.template)
    except ValueError as error:
        return record.rejected("wrong landmarks", str(error))
    except UnreadableImage as error:
        return record.rejected("unreadable", str(error))
    eyes = scheme.eye_distance(points)
    if eyes == 0:
        return record.rejected("wrong landmarks", "both eyes are at one point")
    turned = pose(points, scheme.name)
    quality = Quality(
        score, eyes, inside, faces, sharpness(pixels), turned.yaw, turned.pitch, turned.roll
    )
    return record.having(
        pixels=None, shrunk=1, data=None, landmarks=points, face=pixels, quality=quality
    )


def embed(embedder: Embedder, records: Sequence[Record]) -> list[Record]:
    """`records` with the embeddings of their faces, in one batch; rejected ones as they are."""
    done = list(records)
    usable = [place for place, record in enumerate(records) if record.face is not None]
    if usable:
        faces = np.stack([records[place].face for place in usable])  # pyright: ignore
        for place, vector in zip(usable, embed_each(embedder, faces), strict=True):
            if isinstance(vector, np.ndarray):
                done[place] = records[place].having(embedding=vector, face=None)
            else:
                done[place] = records[place].rejected("embedder failed", vector.kind)
    return done


def keep_large(minimum: float) -> Stage:
    """Stage that rejects faces whose eyes are less than `minimum` source pixels apart."""
    text = "eye distance {:.1f} px, needs " + f"{minimum:g}"
    return _keep("eye_distance", lambda eyes: eyes >= minimum, "too small", text)


def keep_inside(minimum: float) -> Stage:
    """Stage that rejects faces of which less than the fraction `minimum` is in the image."""
    text = "{:.0%} in the image, needs " + f"{minimum:.0%}"
    return _keep("inside", lambda inside: inside >= minimum, "cut off", text)


def keep_sharp(minimum: float) -> Stage:
    """Stage that rejects faces whose `quality.sharpness` is below `minimum`."""
    text = "sharpness {:.2f}, needs " + f"{minimum:g}"
    return _keep("sharpness", lambda found: found >= minimum, "blurred", text)


def keep_frontal(maximum: float) -> Stage:
    """Stage that rejects heads turned by more than `maximum` degrees to either side."""
    text = "yaw {:.0f} degrees, at most " + f"{maximum:g}"
    return _keep("yaw", lambda yaw: abs(yaw) <= maximum, "turned away", text)


def keep_sure(minimum: float) -> Stage:
    """Stage that rejects faces of which the detector was less sure than `minimum`."""
    text = "detector score {:.2f}, needs " + f"{minimum:g}"
    return _keep("detector_score", lambda score: score >= minimum, "unsure", text)


def _keep(measure: str, allows: Callable[[float], bool], reason: str, text: str) -> Stage:
    """Stage that rejects by one field of `Quality`; what was not measured passes."""

    def stage(record: Record) -> Record:
        found = getattr(record.quality, measure)
        if found is not None and not allows(found):
            return record.rejected(reason, text.format(found))
        return record

    return stage


def encode(record: Record) -> Record:
    """Encode the aligned face as PNG, without loss."""
    assert record.face is not None
    done, data = cv2.imencode(".png", record.face[..., ::-1], PNG)
    assert done
    return record.having(png=data.tobytes())


def describe(record: Record) -> Record:
    """Add the 16x16 face and the perceptual hashes."""
    assert record.face is not None
    small = thumbnail(record.face).tobytes()
    return record.having(thumbnail=small, hashes=face_hashes(record.face))
