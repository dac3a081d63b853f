"""CelebA (Liu, Luo, Wang, Tang, ICCV 2015), as its authors hand it out.

Folder or zip of images, with the text files beside them, in `Anno/` and `Eval/`, or one folder
down. Copies in CSV, as on Kaggle, and copies with a header more or less are read too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceref.errors import FaceRefError, unknown_choice
from faceref.record import Record
from faceref.sources.archives import ZipMember, zip_members
from faceref.sources.base import Choices, Source, SourceKind, refuse_swapped
from faceref.sources.inventory import Count, Inventory, count, first_names, md5
from faceref.sources.listing import NAMED_OTHERWISE, SECOND, UNLISTED, Account, files_below
from faceref.sources.text_table import Rows, read_rows

LICENCE = "CelebA agreement: non-commercial research only, no redistribution of any portion"
LAYOUT = (
    "CelebA needs a folder with img_align_celeba/, img_align_celeba.zip or img_align_celeba_png/, "
    "identity_CelebA.txt, list_eval_partition.txt and list_landmarks_align_celeba.txt"
)
PAGE = "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
IDENTITY, PARTITION = "identity_CelebA.txt", "list_eval_partition.txt"
LANDMARKS = {
    "img_align_celeba": "list_landmarks_align_celeba.txt",
    "img_align_celeba_png": "list_landmarks_align_celeba.txt",
    "img_celeba": "list_landmarks_celeba.txt",
}
"""The landmark file of each set of images: aligned 178x218 crops as JPEG or PNG, and images in the
wild."""
PARTITIONS = np.array(["train", "val", "test"])
WIDTHS = {
    IDENTITY: 1,
    PARTITION: 1,
    "list_landmarks_align_celeba.txt": 10,
    "list_landmarks_celeba.txt": 10,
}
"""Integers in a row of each text file."""
NAME = re.compile(r"[0-9]{6}\.(jpg|jpeg|png)", re.IGNORECASE)
NUMBER = slice(0, 6)
"""Of a name: images and lists may differ in the ending, as the PNG and their lists do."""
Images = Mapping[str, "Path | ZipMember"]
"""Where each image is, by its number, `000001`."""


@dataclass(frozen=True)
class Published:
    """What the authors' copy holds; the sums are those that torchvision checks."""

    images: int = 202_599
    people: int = 10_177
    md5: Mapping[str, str] = field(
        default_factory=lambda: {
            "img_align_celeba.zip": "00d2c5bc6d35e252742224ab0c1e8fcb",
            IDENTITY: "32bd1bd63d3c78cd57e08160ec5ed1e2",
            PARTITION: "d32c9cbf5e040fd4025c592c306e6668",
            "list_landmarks_align_celeba.txt": "cc24ecafdb5b50baae59b03474781f8c",
            "list_landmarks_celeba.txt": "063ee6ddb681f96bc9ca28c6febb9d1a",
        }
    )


PUBLISHED = Published()


@dataclass(frozen=True)
class Survey:
    """What is on disk, read once for the check and the records."""

    inventory: Inventory
    images: Images
    texts: Mapping[str, Rows]
    landmarks: str
    """Name of the landmark file of these images."""


def celeba(choices: Choices, published: Published = PUBLISHED) -> Source:
    """List CelebA; image ids are the numbers of the files, `000001`.

    Records carry identity, official partition and five landmarks. Raises
    FaceRefError for what is missing, unless `choices.partial`, and for what is damaged.
    """
    found = survey(choices, published)
    found.inventory.require(choices.partial)
    records = tuple(_records(found))
    if not records:
        raise FaceRefError(f"No image of CelebA in {choices.root}. {LAYOUT}.")
    return Source(
        "celeba",
        LICENCE,
        records,
        labelled=IDENTITY in found.texts,
        inventory=found.inventory,
        partial=not found.inventory.complete,
    )


def survey(choices: Choices, published: Published = PUBLISHED) -> Survey:
    """Find images and text files, read the texts, and count; no image is opened."""
    account = Account()
    root = _root(choices.root)
    kind, archive, images = _images(root, choices.images, account)
    wanted = (IDENTITY, PARTITION, LANDMARKS[kind])
    paths = {name: path for name in wanted if (path := _text_file(root, name)) is not None}
    if not paths and root.name in LANDMARKS:
        raise _no_images(root, root)
    texts = {name: read_rows(path, WIDTHS[name], NAME) for name, path in paths.items()}
    sums = _wrong_sums({**paths, **archive}, published) if choices.checksums else []
    listed = _listed(texts)
    there = [name for name in listed if name[NUMBER] in images]
    account.add(UNLISTED, *(images.keys() - {name[NUMBER] for name in listed}))
    inventory = Inventory(
        "CelebA",
        str(root),
        (
            count("text files", wanted, paths),
            Count("listed images", len(listed), published.images),
            count("images", listed, set(there)),
            *_people(texts, published),
        ),
        (*sums, *_disagreements(texts, listed)),
        () if choices.checksums else ("MD5 sums were not checked",),
        account.passed_over(),
    )
    return Survey(inventory, images, texts, LANDMARKS[kind])


def _root(path: Path) -> Path:
    for folder in (path, path / "celeba", path / "CelebA"):
        if any((folder / f"{kind}{end}").exists() for kind in LANDMARKS for end in ("", ".zip")):
            return folder
        if (folder / "Img").is_dir():
            return folder
    raise _no_images(path, path)


def _no_images(root: Path, *places: Path, wanted: str | None = None) -> FaceRefError:
    """The error where there are no images, or they are packed in a way that is not read."""
    packed = [path for place in places for path in sorted(place.glob("img*celeba*.7z*"))]
    if packed:
        return FaceRefError(f"{packed[0]} must be unpacked: 7z x {packed[0].name}. {LAYOUT}.")
    if not root.exists():
        return FaceRefError(f"There is nothing at {root}. {LAYOUT}.")
    if root.is_file() or root.name in LANDMARKS:
        what = "a file" if root.is_file() else "the folder of the images"
        return FaceRefError(
            f"{root} is {what}. Give the folder that it lies in, with the lists: "
            f"{folder_around(root)}. {LAYOUT}."
        )
    return FaceRefError(f"No {wanted or 'images of CelebA'} in {root}. {LAYOUT}.")


def folder_around(images: Path) -> Path:
    """The folder around CelebA's images; some copies have them in two folders of one name."""
    while images.name in LANDMARKS or images.is_file():
        images = images.parent
    return images


def _images(
    root: Path, wanted: str | None, account: Account
) -> tuple[str, dict[str, Path], Images]:
    """The set of images, the archive if it is one, and where each image is."""
    if wanted is not None and wanted not in LANDMARKS:
        raise unknown_choice("--images of CelebA", wanted, LANDMARKS)
    for kind in (wanted,) if wanted else LANDMARKS:
        for place in (root, root / "Img"):
            folder, archive = place / kind, place / f"{kind}.zip"
            nested = folder / kind
            if folder.is_dir():
                folder = nested if nested.is_dir() else folder
                found = {name: folder / name for name in files_below(folder, account)}
                return kind, {}, _numbered(found, account)
            if archive.is_file():
                return kind, {archive.name: archive}, _numbered(zip_members(archive), account)
    raise _no_images(root, root, root / "Img", wanted=wanted)


def _numbered(found: Images, account: Account) -> Images:
    """The images among the files of a folder or archive, by their number."""
    images: dict[str, Path | ZipMember] = {}
    for path in sorted(found):
        name = path.rpartition("/")[2]
        if not NAME.fullmatch(name):
            account.add(NAMED_OTHERWISE, path)
        elif name[NUMBER] in images:
            account.add(SECOND, path)
        else:
            images[name[NUMBER]] = found[path]
    return images


def _text_file(root: Path, name: str) -> Path | None:
    for folder in (root, root / "Anno", root / "Eval"):
        for path in (folder / name, (folder / name).with_suffix(".csv")):
            if path.is_file():
                return path
    return None


def _wrong_sums(paths: Mapping[str, Path], published: Published) -> Iterator[str]:
    for name, path in paths.items():
        wanted = published.md5.get(name)
        if wanted is None or wanted == md5(path) or wanted in _official_forms(path, name):
            continue
        if path.suffix == ".csv" and name in LANDMARKS.values():
            yield _as_on_kaggle(path.name, IDENTITY in paths)
        else:
            yield (
                f"{path.name} has MD5 {md5(path)}, published is {wanted}: it is damaged or was "
                "edited. Get it again, or take it as it is with --no-checksums."
            )


def _as_on_kaggle(name: str, labelled: bool) -> str:
    """What to do with landmarks in CSV, whose sum nobody published, and often without labels."""
    found = f"{name} is CSV, as Kaggle has the lists, and no MD5 of that is published."
    if labelled:
        return (
            f"{found} Get the lists as .txt from CelebA's own page, {PAGE}, or take them as they "
            "are with --no-checksums."
        )
    return (
        f"{found} Get {IDENTITY}, which Kaggle lacks, and the lists as .txt from CelebA's own "
        f"page, {PAGE}. Or take the copy as it is with --partial --no-checksums: people are then "
        "guessed, and one person may be in two splits."
    )


def _official_forms(path: Path, name: str) -> list[str]:
    """Sums of the same rows as the authors write them, for copies with a header or commas."""
    if name not in (IDENTITY, PARTITION):
        return []
    rows = read_rows(path, WIDTHS[name], NAME)
    lines = [f"{image} {value}" for image, value in zip(rows.names, rows.values[:, 0], strict=True)]
    texts = (end.join([*lines, ""]) for end in ("\n", "\r\n"))
    return [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts]


def _listed(texts: Mapping[str, Rows]) -> list[str]:
    """Names of all images that some text file lists, sorted."""
    return sorted({name for rows in texts.values() for name in rows.names.tolist()})


def _people(texts: Mapping[str, Rows], published: Published) -> list[Count]:
    if IDENTITY not in texts:
        return []
    return [Count("people", len(np.unique(texts[IDENTITY].values)), published.people)]


def _disagreements(texts: Mapping[str, Rows], listed: Sequence[str]) -> Iterator[str]:
    for name, rows in texts.items():
        if len(rows.names) < len(listed):
            lacking = sorted(set(listed) - set(rows.names.tolist()))
            names = first_names(lacking, len(lacking))
            yield f"{name} lacks {names}, which other text files list. Get it again."
    if PARTITION in texts and not np.isin(texts[PARTITION].values, (0, 1, 2)).all():
        yield f"{PARTITION} has values other than 0, 1 and 2. Get it again."


def _records(found: Survey) -> Iterator[Record]:
    listed = _listed(found.texts)
    names = np.array([name for name in listed if name[NUMBER] in found.images], dtype=str)
    columns = {name: rows.of(names) for name, rows in found.texts.items()}
    points = columns.get(found.landmarks)
    if points is not None:
        points = points.reshape(-1, 5, 2).astype(np.float32)
        refuse_swapped(found.landmarks, points)
    people, parts = columns.get(IDENTITY), columns.get(PARTITION)
    for row, name in enumerate(names.tolist()):
        image_id = name[NUMBER]
        place = found.images[image_id]
        yield Record(
            image_id=image_id,
            source="celeba",
            identity=image_id if people is None else str(people[row, 0]),
            path=place if isinstance(place, Path) else None,
            blob=place if isinstance(place, ZipMember) else None,
            partition=None if parts is None else str(PARTITIONS[parts[row, 0]]),
            landmarks=None if points is None else points[row],
            centred=found.landmarks == LANDMARKS["img_align_celeba"],
        )


SOURCE = SourceKind(
    name="celeba",
    title="CelebA",
    layout=LAYOUT,
    open=celeba,
    check=lambda choices: survey(choices).inventory,
    takes=("partial", "checksums", "images"),
)
