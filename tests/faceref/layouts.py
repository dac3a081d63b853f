"""Small copies of data sets in their official layout, made on the spot."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from faceref.embed.align import ARCFACE
from faceref.sources.celeba import IDENTITY, PARTITION
from faceref.sources.celeba import Published as CelebaPublished
from faceref.sources.ffhq import Published as FfhqPublished
from tests.faceref.fakes import face_image

POINTS = "list_landmarks_align_celeba.txt"
POINT_HEADER = (
    "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
    "leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
)


def encoded(image: np.ndarray, kind: str = "JPEG") -> bytes:
    """`image` as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


@dataclass(frozen=True)
class Face:
    """One image of a CelebA copy."""

    image: bytes
    identity: int
    points: np.ndarray
    partition: int = 0


def faces(people: int = 4, shots: int = 3) -> list[Face]:
    """Smooth images with the template as landmarks."""
    return [
        Face(encoded(face_image(person, shot)), 100 + person, ARCFACE.template, min(person, 2))
        for person in range(people)
        for shot in range(shots)
    ]


def write_celeba(root: Path, given: Sequence[Face], *, zipped: bool = False) -> CelebaPublished:
    """Write `given` as CelebA is handed out, and return what the copy should be checked against."""
    names = [f"{index:06d}.jpg" for index in range(1, len(given) + 1)]
    root.mkdir(parents=True, exist_ok=True)
    numbered = list(zip(names, given, strict=True))
    _lines(root / IDENTITY, [f"{name} {face.identity}" for name, face in numbered])
    _lines(root / PARTITION, [f"{name} {face.partition}" for name, face in numbered])
    rows = [
        f"{name} " + " ".join(f"{round(float(value)):4d}" for value in face.points.ravel())
        for name, face in numbered
    ]
    _lines(root / POINTS, [str(len(names)), POINT_HEADER, *rows])
    sums = [IDENTITY, PARTITION, POINTS]
    if zipped:
        sums.append("img_align_celeba.zip")
        with zipfile.ZipFile(root / sums[-1], "w", zipfile.ZIP_DEFLATED) as archive:
            for name, face in numbered:
                archive.writestr(f"img_align_celeba/{name}", face.image)
    else:
        (root / "img_align_celeba").mkdir()
        for name, face in numbered:
            (root / "img_align_celeba" / name).write_bytes(face.image)
    people = len({face.identity for face in given})
    return CelebaPublished(len(given), people, {name: md5_of(root / name) for name in sums})


def _lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def md5_of(path: Path) -> str:
    """MD5, by another way than the code under test."""
    return hashlib.md5(path.read_bytes()).hexdigest()


def sixty_eight(points: np.ndarray) -> np.ndarray:
    """68 points of which eyes, nose tip and mouth corners are at the five `points`."""
    full = np.zeros((68, 2))
    ring = np.array([[-3, 0], [-1, -1], [1, -1], [3, 0], [1, 1], [-1, 1]])
    full[36:42], full[42:48] = points[0] + ring, points[1] + ring
    full[30], full[48], full[54] = points[2], points[3], points[4]
    return full


def write_ffhq(
    root: Path, images: Sequence[np.ndarray], points: Sequence[np.ndarray]
) -> FfhqPublished:
    """Write thumbnails and json; `points` are five for each, in pixels of the thumbnail."""
    items = {}
    for index, (image, five) in enumerate(zip(images, points, strict=True)):
        path = root / "thumbnails128x128" / f"{index // 1000 * 1000:05d}" / f"{index:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(image, "PNG"))
        large = sixty_eight((five + 0.5) * 8 - 0.5)
        items[str(index)] = {
            "category": "training" if index < len(images) - 1 else "validation",
            "metadata": {
                "photo_url": f"https://example.org/{index}",
                "photo_title": 'Ada, "the first"',
                "author": f"Author {index}",
                "country": "",
                "license": "Attribution License",
                "license_url": "https://creativecommons.org/licenses/by/2.0/",
            },
            "image": {"file_size": 1, "face_landmarks": large.tolist()},
            "thumbnail": {"file_size": path.stat().st_size},
            "in_the_wild": {"face_landmarks": (large * 3).tolist()},
        }
    file = root / "ffhq-dataset-v2.json"
    file.write_text(json.dumps(items, indent=1), encoding="utf-8")
    return FfhqPublished(len(images), md5_of(file))
