"""A folder of one's own: one sub-folder per person, as LFW has it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from faceref.errors import FaceRefError
from faceref.record import Record
from faceref.sources.base import Choices, Source, SourceKind
from faceref.sources.inventory import Count, Inventory

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff"})
LAYOUT = "Face_Ref needs one sub-folder per person: FACES/Ada_Lovelace/1.jpg"


def folder(root: Path) -> Source:
    """List `root/<identity>/<image>`; image ids are `<identity>/<image without its suffix>`.

    Where two files differ by their suffix only, their ids keep it. Hidden files and files of other
    types are passed over. Raises FaceRefError where there is nothing to list.
    """
    if not root.is_dir():
        raise FaceRefError(f"No folder of faces at {root}. {LAYOUT}")
    people = sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
    records = [record for person in people for record in _person(person)]
    if not records:
        loose = sum(path.suffix.lower() in SUFFIXES for path in root.iterdir())
        found = f"{loose} images lie directly in it" if loose else "it holds no images"
        raise FaceRefError(f"Nothing to build from in {root}: {found}. {LAYOUT}")
    return Source("folder", "the terms of your own images apply", tuple(records))


def _person(folder: Path) -> list[Record]:
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()
    )
    stems = Counter(path.stem for path in paths)
    return [
        Record(
            image_id=f"{folder.name}/{path.stem if stems[path.stem] == 1 else path.name}",
            source="folder",
            identity=folder.name,
            path=path,
        )
        for path in paths
    ]


def _check(choices: Choices) -> Inventory:
    records = folder(choices.root).records
    people = len({record.identity for record in records})
    counts = (Count("images", len(records)), Count("people", people))
    return Inventory("Folder", str(choices.root), counts)


SOURCE = SourceKind(
    name="folder",
    title="Folder",
    layout=LAYOUT,
    open=lambda choices: folder(choices.root),
    check=_check,
)
