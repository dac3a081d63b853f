"""LFW, Labeled Faces in the Wild (Huang, Ramesh, Berg, Learned-Miller, 2007).

Original, funneled or deep-funneled; a folder, or the `.tgz` as it is handed out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceref.errors import FaceRefError
from faceref.record import Record
from faceref.sources.archives import Slice, tar_members
from faceref.sources.base import Choices, Source, SourceKind, refuse_swapped
from faceref.sources.inventory import SHOWN, Count, Inventory, count, md5
from faceref.sources.listing import NAMED_OTHERWISE, SECOND, Account, files_below
from faceref.sources.text_table import read_points

LICENCE = "LFW: public research set of press photographs, no formal licence"
LAYOUT = (
    "LFW needs the folder of Ada_Lovelace/Ada_Lovelace_0001.jpg, ... or its archive "
    "(lfw.tgz, lfw-funneled.tgz, lfw-deepfunneled.tgz, http://vis-www.cs.umass.edu/lfw)"
)
FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw-funneled", "lfw")
COLUMNS = ("path", *(f"{axis}{point}" for point in range(5) for axis in "xy"))
_NAME = re.compile(r"(?:.*/)?([^/]+)/(\1_\d{4})\.jpg")


@dataclass(frozen=True)
class Published:
    """What the authors' copy holds; the sums are those that torchvision checks."""

    images: int = 13_233
    people: int = 5_749
    md5: Mapping[str, str] = field(
        default_factory=lambda: {
            "lfw.tgz": "a17d05bd522c52d84eca14327a23d494",
            "lfw-funneled.tgz": "1b42dfed7d15c9b2dd63d5e5840c86ad",
            "lfw-deepfunneled.tgz": "68331da3eb755a505a502b5aacb3c201",
        }
    )


PUBLISHED = Published()


@dataclass(frozen=True)
class Survey:
    """What is on disk, read once for the check and the records."""

    inventory: Inventory
    images: Mapping[str, Path | Slice]
    """By image id, `Ada_Lovelace/Ada_Lovelace_0001`, sorted."""
    landmarks: Mapping[str, np.ndarray]


def lfw(choices: Choices, published: Published = PUBLISHED) -> Source:
    """List LFW; image ids are `<person>/<file without suffix>`, as of the source `folder`.

    With `choices.landmarks`, a CSV with the columns path, x0, y0, ..., x4, y4 in the order of
    `align.ARCFACE`, no detector is run. Raises FaceRefError for what is missing, unless
    `choices.partial`, and for what is damaged.
    """
    found = survey(choices, published)
    found.inventory.require(choices.partial)
    records = tuple(_records(found))
    if not records:
        raise FaceRefError(f"No image of LFW in {choices.root}. {LAYOUT}.")
    return Source(
        "lfw",
        LICENCE,
        records,
        inventory=found.inventory,
        partial=not found.inventory.complete,
    )


def survey(choices: Choices, published: Published = PUBLISHED) -> Survey:
    """List the images and count them; none is opened."""
    place = _place(choices.root)
    faults = tuple(_wrong_sum(place, published)) if choices.checksums else ()
    account = Account()
    images = _images(place, account)
    people = {image_id.partition("/")[0] for image_id in images}
    gaps = _gaps(images)
    counts = [
        Count("images", len(images), published.images, gaps),
        Count("people", len(people), published.people),
    ]
    points: dict[str, np.ndarray] = {}
    if choices.landmarks is not None:
        points = read_landmarks(choices.landmarks)
        counts.append(count("landmarks of images", list(images), points))
        listed = count("images of landmarks", list(points), images)
        counts[0] = Count("images", len(images), published.images, gaps or listed.missing)
    inventory = Inventory(
        "LFW", str(place), tuple(counts), faults, passed_over=account.passed_over()
    )
    return Survey(inventory, images, points)


def _place(root: Path) -> Path:
    """The folder of people, or the archive."""
    if root.is_file():
        return root
    if not root.is_dir():
        raise FaceRefError(f"Nothing at {root}. {LAYOUT}.")
    nested = (root / name for name in FOLDERS)
    for folder in (root, *nested, *(root / name / name for name in FOLDERS)):
        if any(_NAME.fullmatch(path.as_posix()) for path in folder.glob("*/*_0001.jpg")):
            return folder
    archives = sorted(path for path in root.glob("lfw*.t*gz"))
    if archives:
        return archives[0]
    raise FaceRefError(f"No image of LFW in {root}. {LAYOUT}.")


def _wrong_sum(place: Path, published: Published) -> Iterator[str]:
    wanted = published.md5.get(place.name)
    if place.is_file() and wanted is not None and md5(place) != wanted:
        yield (
            f"{place.name} has MD5 {md5(place)}, published is {wanted}: it is damaged or was "
            "edited. Get it again, or take it as it is with --no-checksums."
        )


def _images(place: Path, account: Account) -> dict[str, Path | Slice]:
    if place.is_file():
        found: Mapping[str, Path | Slice] = tar_members(place)
    else:
        found = {name: place / name for name in files_below(place, account)}
    named: dict[str, Path | Slice] = {}
    for name in sorted(found):
        match = _NAME.fullmatch(name)
        if match is None or not name.isprintable():
            account.add(NAMED_OTHERWISE, name)
        elif (image_id := f"{match[1]}/{match[2]}") in named:
            account.add(SECOND, name)
        else:
            named[image_id] = found[name]
    return {image_id: named[image_id] for image_id in sorted(named)}


def _gaps(images: Mapping[str, object]) -> tuple[str, ...]:
    """Images that must be missing, as each person's are numbered from 1: at most `SHOWN`."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for image_id in images:
        numbers[image_id[:-5]].add(int(image_id[-4:]))
    gaps = (
        f"{person}_{number:04d}.jpg"
        for person, there in numbers.items()
        for number in range(1, max(there))
        if number not in there
    )
    return tuple(gap for gap, _ in zip(gaps, range(SHOWN), strict=False))


def read_landmarks(path: Path) -> dict[str, np.ndarray]:
    """Five points by image id, float32 (5, 2), from a CSV whose paths are `Name/Name_NNNN.jpg`."""
    way_out = f"--landmarks must be a CSV with the columns {', '.join(COLUMNS)}; mend the row."
    points = read_points(path, COLUMNS[0], COLUMNS[1:], way_out)
    array = np.array(list(points.values()), np.float32).reshape(-1, 5, 2)
    refuse_swapped(path.name, array)
    return dict(zip((name.removesuffix(".jpg") for name in points), array, strict=True))


def _records(found: Survey) -> Iterator[Record]:
    for image_id, place in found.images.items():
        yield Record(
            image_id=image_id,
            source="lfw",
            identity=image_id.partition("/")[0],
            path=place if isinstance(place, Path) else None,
            blob=place if isinstance(place, Slice) else None,
            landmarks=found.landmarks.get(image_id),
            centred=True,
        )


SOURCE = SourceKind(
    name="lfw",
    title="LFW",
    layout=LAYOUT,
    open=lfw,
    check=lambda choices: survey(choices).inventory,
    takes=("partial", "checksums", "landmarks"),
)
