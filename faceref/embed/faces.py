"""The faces of an image, whatever its size, and their embeddings, whatever goes wrong.

The one way in which builds and upscaling call an embedder. An image that makes a model fail is a
`ModelFailedError`; a model that fails on a blank image as well is broken, which ends the work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from faceref.embed.align import SIZE
from faceref.embed.base import Detection, Embedder
from faceref.errors import FaceRefError

TILE = 1280
"""Side of a tile where the detector fits images into no square of its own."""
OVERLAP = 0.25
"""Fraction of a tile that it shares with the next."""
EDGE = 0.02
"""Fraction of a tile within which a face ends that its edge may have cut."""
SAME = 0.4
"""Intersection over union from which two boxes are one face, as within SCRFD."""
ENOUGH = 24
"""Width in pixels, as the detector saw it, of a largest face that needs no closer look: one of half
its weight was then 17 wide. SCRFD 2.5g finds 95 of 100 faces of LFW that are 10 wide."""
CLOSEST_FOR_MAIN = 4
"""How much closer than the whole image its main face is looked for."""
LONGEST = 200
"""Characters of a model's own message that are passed on."""
BLANK = np.zeros((SIZE, SIZE, 3), np.uint8)


class ModelFailedError(FaceRefError):
    """One image made a model fail that works on others."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind
        """Name of the exception, such as `cv2.error`: what may be published of it."""


def detect_main(embedder: Embedder, image: np.ndarray) -> list[Detection]:
    """Faces of an image of which the main one is wanted.

    The whole is looked at; a detector shrinks it to `det_size`, so that a face of a large image may
    be too small to be seen. While no face of 24 pixels was seen, closer looks follow, as in
    `detect_all`, to 4 times at most and no larger than the image is.

    Args:
        embedder: Finds the faces.
        image: uint8 RGB (H, W, 3).

    Returns:
        The faces, each once.

    Raises:
        ModelFailedError: Where the detector fails on this image.
        FaceRefError: Where it fails on any.
    """
    found: list[Detection] = []
    whole = _detect(embedder, image)
    for scale, seen in _looks(embedder, image, whole, CLOSEST_FOR_MAIN, 1.0):
        found = _each_once(found, seen)
        if max((scale * (face.box[2] - face.box[0]) for face in found), default=0) >= ENOUGH:
            break
    return found


def detect_all(embedder: Embedder, image: np.ndarray) -> list[Detection]:
    """All faces of a photograph, the small ones of a large photograph, too.

    After the whole, it is looked at twice as close, in overlapping tiles, and again, up to
    `embedder.finest`. So each look takes the memory of one tile. What a tile cuts is left to the
    next tile, or to the look before; of two boxes of one face the surer is kept.

    The whole is brought to `det_size` here. insightface would do so itself, but maps points back
    without regard to half pixels, which are much of a small face. Builds keep that, of large faces:
    their sets stay the same to the byte.

    Args:
        embedder: Finds the faces.
        image: uint8 RGB (H, W, 3).

    Returns:
        The faces, each once.

    Raises:
        ModelFailedError: Where the detector fails on this image.
        FaceRefError: Where it fails on any.
    """
    found: list[Detection] = []
    finest, size = embedder.finest(image.shape[0] * image.shape[1]), embedder.det_size
    if size is None:
        whole = _detect(embedder, image)
    else:
        whole = _in_tiles(embedder, image, size / max(image.shape[:2]), size)
    for _, seen in _looks(embedder, image, whole, math.inf, finest):
        found = _each_once(found, seen)
    return found


def embed_each(embedder: Embedder, faces: np.ndarray) -> list[np.ndarray | ModelFailedError]:
    """Embeddings of aligned uint8 RGB faces (N, 128, 128, 3), each or why it has none.

    Where the model fails on all together it is asked for one at a time. Raises FaceRefError where
    it fails on a blank face, too.
    """
    try:
        vectors = embedder.embed(faces)
    except FaceRefError:
        raise
    except Exception as error:
        if len(faces) == 1:
            return [_explained("embedder", error, lambda: embedder.embed(BLANK[None]))]
        return [one for face in faces for one in embed_each(embedder, face[None])]
    return [
        vector
        if np.isfinite(vector).all()
        else ModelFailedError("the embedding is not finite", "not finite")
        for vector in vectors
    ]


def _detect(embedder: Embedder, image: np.ndarray) -> list[Detection]:
    """What the detector finds; boxes that are none and points that are not finite are left out."""
    try:
        found = embedder.detect(image)
    except FaceRefError:
        raise
    except Exception as error:
        raise _explained("detector", error, lambda: embedder.detect(BLANK)) from error
    return [face for face in found if _is_whole(face)]


def _is_whole(face: Detection) -> bool:
    left, top, right, bottom = face.box
    return (
        right > left
        and bottom > top
        and bool(np.isfinite([*face.box, *face.landmarks.ravel()]).all())
    )


def _explained(model: str, error: Exception, on_blank: Callable[[], Any]) -> ModelFailedError:
    """The error for one image; raises FaceRefError where `on_blank` fails, too."""
    kind = f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"
    kind = kind.removeprefix("builtins.")
    text = f"{kind}: {' '.join(str(error).split())[:LONGEST]}".rstrip(": ")
    try:
        on_blank()
    except Exception as broken:
        raise FaceRefError(
            f"The {model} fails on every image, on a blank one, too ({text}). See faceref doctor; "
            "take another model (--pack, --embedder), or --device cpu where a GPU lacks memory."
        ) from broken
    return ModelFailedError(f"the {model} fails on this image ({text})", kind)


def _looks(
    embedder: Embedder,
    image: np.ndarray,
    whole: list[Detection],
    closest: float,
    finest: float,
) -> Iterator[tuple[float, list[Detection]]]:
    """Scale and faces of each look at an image: `whole`, then in tiles, twice as close each time.

    None is more than `closest` times as close as the whole, nor at a scale above `finest`.
    """
    size = embedder.det_size
    scale = 1.0 if size is None else size / max(image.shape[:2])
    limit = min(closest * scale, finest)
    yield scale, whole
    while scale < limit:
        scale = min(2 * scale, limit)
        yield scale, _in_tiles(embedder, image, scale, TILE if size is None else size)


def _in_tiles(embedder: Embedder, image: np.ndarray, scale: float, size: int) -> list[Detection]:
    """Faces of an image at `scale`, looked at in tiles of `size` pixels at that scale."""
    side = round(size / scale)
    height, width = image.shape[:2]
    found: list[Detection] = []
    for top in _starts(height, side):
        for left in _starts(width, side):
            tile = image[top : top + side, left : left + side]
            found = _each_once(found, _in_tile(embedder, tile, scale, (left, top), (width, height)))
    return found


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` begin along `length`, evenly, so that neighbours overlap."""
    count = max(0, math.ceil((length - side) / (side * (1 - OVERLAP)))) + 1
    return [round(start) for start in np.linspace(0, max(0, length - side), count)]


def _in_tile(
    embedder: Embedder,
    tile: np.ndarray,
    scale: float,
    corner: tuple[int, int],
    image: tuple[int, int],
) -> list[Detection]:
    """Faces of a tile in pixels of its image, without those that its edges may have cut."""
    sides = tile.shape[1], tile.shape[0]
    seen = tuple(max(1, round(side * scale)) for side in sides)
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = tile if seen == sides else cv2.resize(tile, seen, interpolation=shrink)
    ratio = np.array(seen) / sides
    cut = EDGE * np.array(sides)
    first = np.where(np.array(corner) > 0, corner + cut, -np.inf)
    last = np.where(np.add(corner, sides) < image, np.add(corner, sides) - cut, np.inf)
    found = []
    for face in _detect(embedder, small):
        box, points = (
            (place.reshape(-1, 2) + 0.5) / ratio - 0.5 + corner
            for place in (np.array(face.box), face.landmarks)
        )
        if (box[0] >= first).all() and (box[1] <= last).all():
            left, top, right, bottom = box.ravel().tolist()
            place = (left, top, right, bottom)
            found.append(Detection(place, face.score, points.astype(np.float32)))
    return found


def _each_once(known: Sequence[Detection], seen: Sequence[Detection]) -> list[Detection]:
    """`known` and `seen`; of two boxes of one face, one known and one seen, the surer."""
    if not known or not seen:
        return [*known, *seen]
    same = _overlaps(known, seen) > SAME
    surer = np.array([face.score for face in known])[:, None] >= [face.score for face in seen]
    kept = [face for face, by in zip(known, same & ~surer, strict=True) if not by.any()]
    return kept + [face for face, by in zip(seen, (same & surer).T, strict=True) if not by.any()]


def _overlaps(known: Sequence[Detection], seen: Sequence[Detection]) -> np.ndarray:
    """Intersection over union of each box of `known` with each of `seen`."""
    one, two = (np.array([face.box for face in faces]) for faces in (known, seen))
    corner = np.maximum(one[:, None, :2], two[None, :, :2])
    other = np.minimum(one[:, None, 2:], two[None, :, 2:])
    shared = np.clip(other - corner, 0, None).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (one, two)]
    return shared / (areas[0][:, None] + areas[1] - shared)
