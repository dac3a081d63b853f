"""FFHQ (Karras, Laine, Aila, CVPR 2019): `ffhq-dataset-v2.json` with 1024x1024 faces or 128x128.

The json gives author and licence of each image, its part (the first 60,000 train, the rest
validation) and 68 landmarks of the 1024x1024 face. Who is shown, nobody says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceref.errors import FaceRefError, unknown_choice
from faceref.reading.boundary import cause
from faceref.reading.text import read_text
from faceref.record import Record
from faceref.sources.base import Choices, Source, SourceKind, refuse_swapped
from faceref.sources.inventory import Count, Inventory, count, first_names, md5
from faceref.sources.listing import NAMED_OTHERWISE, SECOND, UNLISTED, Account, files_below
from faceref.sources.text_table import FARTHEST

LICENCE = (
    "FFHQ: CC BY-NC-SA 4.0 (NVIDIA) for the data set; each image under the licence of its "
    "author, CC BY, CC BY-NC, PDM, CC0 or US Government Works"
)
LAYOUT = (
    "FFHQ needs a folder with ffhq-dataset-v2.json and images1024x1024/ or thumbnails128x128/ "
    "(https://github.com/NVlabs/ffhq-dataset)"
)
JSON = "ffhq-dataset-v2.json"
SIDES = {"images1024x1024": 1024, "thumbnails128x128": 128}
SECTIONS = {"images1024x1024": "image", "thumbnails128x128": "thumbnail"}
PARTITIONS = {"training": "train", "validation": "val"}
_POINT_GROUPS = (range(36, 42), range(42, 48), (30,), (48,), (54,))
"""Of the 68 points: eye left in the image, the other eye, nose tip, mouth corners."""
_KEY = re.compile(r'\s*[{,]\s*"(\d+)"\s*:\s*')


@dataclass(frozen=True)
class Published:
    """What NVIDIA's copy holds."""

    images: int = 70_000
    md5: str = "425ae20f06a4da1d4dc0f46d40ba5fd6"


PUBLISHED = Published()


@dataclass(frozen=True)
class Entry:
    """What the json says of one image, and no more of it than is used."""

    image_id: str
    """Five digits, as the file is called."""
    size: int
    """Bytes of the file."""
    partition: str
    landmarks: np.ndarray
    """Five points in pixels of the 1024x1024 face, float32, (5, 2)."""
    credit: Mapping[str, str]


@dataclass(frozen=True)
class Survey:
    """What is on disk, read once for the check and the records."""

    inventory: Inventory
    entries: Sequence[Entry]
    files: Mapping[str, Path]
    """By image id."""
    side: int
    """Pixels."""


def ffhq(choices: Choices, published: Published = PUBLISHED) -> Source:
    """List FFHQ; image ids are the five digits of the files.

    Records carry partition, credit and five landmarks, and no identity: each has its own image id
    for one. Raises FaceRefError for what is missing, unless `choices.partial`, and for what is
    damaged.
    """
    found = survey(choices, published)
    found.inventory.require(choices.partial)
    records = tuple(_records(found))
    if not records:
        raise FaceRefError(f"No image of FFHQ in {choices.root}. {LAYOUT}.")
    refuse_swapped(JSON, np.stack([entry.landmarks for entry in found.entries]))
    return Source(
        "ffhq",
        LICENCE,
        records,
        labelled=False,
        inventory=found.inventory,
        partial=not found.inventory.complete,
    )


def survey(choices: Choices, published: Published = PUBLISHED) -> Survey:
    """Read the json and list the image files with their sizes; no image is opened."""
    root, kind = choices.root, _kind(choices.root, choices.images)
    path = root / JSON
    if not path.is_file():
        raise FaceRefError(
            f"No {JSON} in {root}: it has author and licence of each image. {LAYOUT}."
        )
    faults = list(_wrong_sum(path, published)) if choices.checksums else []
    entries = list(read_json(path, SECTIONS[kind]))
    account = Account()
    files = _files(root / kind, account)
    faults += _wrong_sizes(entries, files)
    notes = [] if choices.checksums else ["the MD5 of the json was not checked"]
    account.add(UNLISTED, *(files.keys() - {entry.image_id for entry in entries}))
    counts = (
        Count("listed images", len(entries), published.images),
        count("images", [entry.image_id for entry in entries], files),
    )
    inventory = Inventory(
        *("FFHQ", str(root), counts, tuple(faults), (f"read {kind}", *notes)),
        account.passed_over(),
    )
    return Survey(inventory, entries, files, SIDES[kind])


def _files(folder: Path, account: Account) -> dict[str, Path]:
    """The images in `folder`, which has them in sub-folders of a thousand, by image id."""
    files: dict[str, Path] = {}
    for name in sorted(files_below(folder, account)):
        path = folder / name
        if not re.fullmatch(r"\d{5}\.png", path.name):
            account.add(NAMED_OTHERWISE, name)
        elif path.stem in files:
            account.add(SECOND, name)
        else:
            files[path.stem] = path
    return files


def _kind(root: Path, wanted: str | None) -> str:
    if wanted is not None and wanted not in SIDES:
        raise unknown_choice("--images of FFHQ", wanted, SIDES)
    for kind in (wanted,) if wanted else SIDES:
        if (root / kind).is_dir():
            return kind
    raise FaceRefError(f"No {wanted or 'images of FFHQ'} in {root}. {LAYOUT}.")


def _wrong_sum(path: Path, published: Published) -> Iterator[str]:
    if md5(path) != published.md5:
        yield (
            f"{path.name} has MD5 {md5(path)}, published is {published.md5}: it is damaged or was "
            "edited. Get it again, or take it as it is with --no-checksums."
        )


def _wrong_sizes(entries: Sequence[Entry], files: Mapping[str, Path]) -> Iterator[str]:
    there = [entry for entry in entries if entry.image_id in files]
    wrong = [entry for entry in there if files[entry.image_id].stat().st_size != entry.size]
    if wrong:
        names = first_names((entry.image_id for entry in wrong), len(wrong))
        yield (
            f"{len(wrong):,} images differ in size from what {JSON} says: {names}. "
            "Get them again, or delete them and build with --partial."
        )


def read_json(path: Path, section: str) -> Iterator[Entry]:
    """The images of `ffhq-dataset-v2.json`, parsed one at a time: whole, it fills 1.5 GB.

    `section` is `image` or `thumbnail`. Raises FaceRefError where the file is damaged.
    """
    decoder, place = json.JSONDecoder(), 0
    text = read_text(path, "Get it again.")
    try:
        while match := _KEY.match(text, place):
            item, place = decoder.raw_decode(text, match.end())
            yield _entry(int(match[1]), item, section)
        if text[place:].strip() != "}":
            raise ValueError(f"no image at character {place}")
    except Exception as error:  # Whatever the values of a damaged file lead to.
        raise FaceRefError(
            f"{path.name} is not the json of FFHQ version 2 ({cause(error)}). Get it again."
        ) from error


def _entry(index: int, item: Mapping[str, Any], section: str) -> Entry:
    points = np.array(item["image"]["face_landmarks"], np.float32)
    if points.shape != (68, 2):
        raise ValueError(f"image {index} has landmarks of shape {points.shape}")
    if not (np.abs(points) <= FARTHEST).all():
        raise ValueError(f"image {index} has a landmark that is no place in an image")
    metadata = item["metadata"]
    names = {"author": "author", "licence": "license", "licence_url": "license_url"}
    names |= {"title": "photo_title", "url": "photo_url"}
    return Entry(
        f"{index:05d}",
        int(item[section]["file_size"]),
        PARTITIONS[item["category"]],
        np.stack([points[list(group)].mean(0) for group in _POINT_GROUPS]),
        {ours: str(metadata[theirs]) for ours, theirs in names.items()},
    )


def _records(found: Survey) -> Iterator[Record]:
    scale = found.side / SIDES["images1024x1024"]
    for entry in found.entries:
        if entry.image_id in found.files:
            yield Record(
                image_id=entry.image_id,
                source="ffhq",
                identity=entry.image_id,
                path=found.files[entry.image_id],
                partition=entry.partition,
                landmarks=((entry.landmarks + 0.5) * scale - 0.5).astype(np.float32),
                credit=entry.credit,
                centred=True,
            )


SOURCE = SourceKind(
    name="ffhq",
    title="FFHQ",
    layout=LAYOUT,
    open=ffhq,
    check=lambda choices: survey(choices).inventory,
    takes=("partial", "checksums", "images"),
)
