"""A folder of one's own: one sub-folder per person, as LFW has it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from faceref.errors import FaceRefError
from faceref.reading.image_format import IMAGE_ENDINGS
from faceref.record import Record
from faceref.sources.base import Source, SourceKind
from faceref.sources.celeba import LANDMARKS, folder_around
from faceref.sources.inventory import Count, Inventory, first_names
from faceref.sources.listing import (
    ENDING,
    LOOSE,
    Account,
    files_below,
    unique_stems,
    unique_texts,
)

LAYOUT = "Face_Ref needs one sub-folder per person: FACES/Ada_Lovelace/1.jpg"
SPLIT_NAMES = frozenset(
    "train training val valid validation test testing dev eval images faces people data".split()  # noqa: SIM905
)
"""Folders of these names, with nothing but folders in them, are no people."""
FEW = 4
"""Fewer folders than this, with nothing but folders in them, are no people either."""


def folder(root: Path) -> Source:
    """List `root/<identity>/<image>`; image ids are `<identity>/<image without its suffix>`.

    Images in sub-folders of a person are that person's, with the sub-folder in their id. Where two
    files differ by their suffix only, their ids keep it. What is no image is passed over and
    counted. Raises FaceRefError where there is nothing to list, and where the people lie deeper.
    """
    records, inventory = survey(root)
    terms = "the terms of your own images apply"
    return Source("folder", terms, tuple(records), inventory=inventory)


def survey(root: Path) -> tuple[list[Record], Inventory]:
    """The records of `folder`, and the account of all that lies there; no image is opened."""
    if root.is_file():
        way = "A Parquet file is read with --source hf; an archive must be unpacked first."
        raise FaceRefError(f"{root} is a file. {LAYOUT}. {way}")
    if not root.is_dir():
        raise FaceRefError(f"No folder of faces at {root}. {LAYOUT}")
    account = Account()
    people = _people(root, account)
    names = unique_texts(people)
    records = [
        Record(f"{names[person]}/{image_id}", "folder", names[person], path=root / person / file)
        for person in sorted(people)
        for file, image_id in zip(people[person], unique_stems(people[person]), strict=True)
    ]
    counts = (Count("images", len(records)), Count("people", len(people)))
    deeper = sum("/" in file for files in people.values() for file in files)
    notes = (f"images in sub-folders of their person: {deeper:,}",) if deeper else ()
    return records, Inventory("Folder", str(root), counts, (), notes, account.passed_over())


def _people(root: Path, account: Account) -> dict[str, list[str]]:
    """The images of each folder of `root`, relative to it and sorted."""
    people: dict[str, list[str]] = defaultdict(list)
    loose: list[str] = []
    for name in files_below(root, account):
        person, _, file = name.partition("/")
        if os.path.splitext(name)[1].lower() not in IMAGE_ENDINGS:
            account.add(ENDING, name)
        elif file:
            people[person].append(file)
        else:
            loose.append(name)
    _refuse_celeba(root, people, bool(loose))
    if not people:
        raise _nothing(root, len(loose), account)
    account.add(LOOSE, *loose)
    _refuse_deeper(root, people)
    return {person: sorted(files, key=_in_order) for person, files in people.items()}


def _in_order(file: str) -> tuple[str, ...]:
    return PurePosixPath(file).parts


def _nothing(root: Path, loose: int, account: Account) -> FaceRefError:
    passed = "; ".join(item.text() for item in account.passed_over())
    found = f"{loose} images lie directly in it" if loose else "it holds no images"
    more = f" ({passed})" if passed else ""
    unknown = f"faceref build --source hf {root} --identity-column none --out SET"
    way = f" Nobody knows who is who? {unknown} groups them by guess." if loose else ""
    return FaceRefError(f"Nothing to build from in {root}: {found}{more}. {LAYOUT}.{way}")


def _refuse_celeba(root: Path, people: Mapping[str, Sequence[str]], loose: bool) -> None:
    """Raise FaceRefError where CelebA's images lie in one folder: its lists say who is shown."""
    ends = {PurePosixPath(person, files[0]).parent.name for person, files in people.items()}
    if loose and not people:
        ends.add(root.name)
    if ends & LANDMARKS.keys():
        raise FaceRefError(
            f"{root} holds CelebA's images, and no folder per person: its lists say who is who. "
            f"Build it with them: faceref build --source celeba {folder_around(root)} --out DIR"
        )


def _refuse_deeper(root: Path, people: Mapping[str, Sequence[str]]) -> None:
    """Raise FaceRefError for folders of folders of people, which would be taken for people."""
    deep = {person for person, files in people.items() if all("/" in file for file in files)}
    few = deep if len(deep) == len(people) < FEW else set()
    wrong = sorted(few | {person for person in deep if person.lower() in SPLIT_NAMES})
    if not wrong:
        return
    images = [PurePosixPath(person, file) for person in wrong for file in people[person]]
    (place, _), *_ = Counter(image.parent.parent for image in images).most_common(1)
    raise FaceRefError(
        f"{root}: the people lie deeper, in {first_names(wrong, len(wrong))}. Give {root / place}; "
        "to build from several such folders, put the people of all into one."
    )


SOURCE = SourceKind(
    name="folder",
    title="Folder",
    layout=LAYOUT,
    open=lambda choices: folder(choices.root),
    check=lambda choices: survey(choices.root)[1],
)
