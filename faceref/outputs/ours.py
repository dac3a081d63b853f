"""What of an output is ours: we replace and delete only what we made.

Every command that replaces or deletes asks `need_replaceable` or `need_ours`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from faceref.errors import FaceRefError, cannot_write
from faceref.outputs.lock import LOCK
from faceref.outputs.writable import LONGEST_NAME, need_names, need_place

MARKER = "face_ref.json"
"""Is in every set, release and index, whatever version made it."""
MOVING = "moving"
"""Is in a working folder from when `finished` is whole, and about to be moved, to its end."""
_LONGEST_ENDING = len(".hydrating")
_SHOWN = 3
_LOOKED_AT = 4096
"""Bytes at the beginning and the end of a file among which a mark is looked for."""
LEFT_BEHIND = r"(.*/)?\.[^/]+\.tmp(/.*)?|(.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini)"
"""What an ended process of ours or a desktop leaves behind."""
_SET = (
    r"face_ref\.json|README\.md|removals\.json|croissant\.json|similarity\.png"
    r"|(rejects|near_duplicates|label_noise|refs_same|credits)\.parquet|lr_encoder\.safetensors"
    r"|(data|index)/(train|val|test)-\d{5}-of-\d{5}\.parquet"
    r"|\.gitattributes|\.cache/huggingface/.*"
)
"""Files of a set, a release or an index, and what a download of one from the Hub adds."""
SET_FILE = re.compile(f"({_SET}|{LEFT_BEHIND})")
WORK_FILE = re.compile(
    rf"({LOCK}|{MOVING}|recipe\.json|(several/)?parts/part-\d+\.parquet|lr_encoder\.\w+"
    rf"|vectors/\w+\.npy|mining/refs_[hl]r/([0-9a-f]{{16}}|exact)/[\w/-]+\.(npy|npz|json|faiss)"
    rf"|(finished|replaced)/({_SET})|{LEFT_BEHIND})"
)


def need_replaceable(
    out: Path, *, overwrite: bool, inputs: Iterable[Path] = (), key: str | None = None
) -> None:
    """Raise FaceRefError unless the folder `out` may be made, in place of what is there.

    Args:
        out: The folder.
        overwrite: Whether a set that is there may go.
        inputs: What is read meanwhile: `out` is none of them, lies in none and holds none.
        key: What the manifest of a folder that is replaced must have, such as `release`.
    """
    need_names(out, "--out", LONGEST_NAME - _LONGEST_ENDING)
    for path in inputs:
        need_apart(out, path)
    need_place(out.parent, "--out")
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise FaceRefError(f"{out} is a file, no folder: it is left alone. Choose another --out.")
    if os.path.ismount(out):
        raise FaceRefError(f"{out} is where a disk is mounted. Choose a folder in it: {out}/set.")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise FaceRefError(
            f"{out} exists already. Open it as it is, give --overwrite to replace it (in Python "
            "overwrite=True), or choose another --out."
        )
    need_ours(out, key)


def need_ours(folder: Path, key: str | None = None) -> None:
    """Raise FaceRefError unless `folder` is a set, or a release, and holds no file of the user's.

    Args:
        folder: A folder that is about to be replaced.
        key: What its manifest must have, such as `release`.
    """
    if not _is_marked(folder / MARKER, key):
        raise FaceRefError(
            f"{folder} is no {key or 'Face_Ref'}, so it is not replaced. Choose another --out, or "
            "move that folder away."
        )
    if strange := strangers(folder, SET_FILE):
        raise FaceRefError(
            f"{folder} holds what is no part of a Face_Ref: {names(strange)}. Nothing was "
            "changed. Move that elsewhere and give the same command again."
        )


def need_new_or_ours(out: Path, *marks: str, option: str = "--out") -> None:
    """Raise FaceRefError where the file `out` is there and nothing in it says that we made it.

    Args:
        out: A file to write; an empty one may be replaced.
        marks: Every such file of ours has one of these near its beginning or its end.
        option: Where `out` was given.
    """
    if out.is_file() and out.stat().st_size and not any(has_mark(out, mark) for mark in marks):
        raise FaceRefError(
            f"{option} {out} is there and was not made by this command, so it is left alone. "
            "Choose another name, or move that file away."
        )


def has_mark(file: Path, mark: str) -> bool:
    """Whether `mark` is in the beginning or the end of a file; not where it cannot be read."""
    try:
        if not file.is_file():  # A pipe would be waited for.
            return False
        with file.open("rb") as opened:
            start = opened.read(_LOOKED_AT)
            opened.seek(max(0, file.stat().st_size - _LOOKED_AT))
            return mark.encode() in start + opened.read(_LOOKED_AT)
    except OSError:
        return False


def _is_marked(manifest: Path, key: str | None) -> bool:
    try:
        return key in (None, *json.loads(manifest.read_bytes()))
    except (OSError, ValueError, TypeError):
        return False


def need_outside(file: Path, out: Path, option: str) -> None:
    """Raise FaceRefError where `file`, which `option` names, lies in the folder `out`."""
    if out.resolve() in file.resolve().parents:
        raise FaceRefError(
            f"{option} {file} lies in {out}, which is made as a whole. Choose a place beside it, "
            f"such as {out.parent / file.name}."
        )


def need_apart(out: Path, path: Path) -> None:
    """Raise FaceRefError where an output is an input, lies in it, or holds it; links are followed.

    Args:
        out: A file or folder to write.
        path: A file or folder that is read; one that does not exist is no matter.
    """
    if not path.exists():
        return
    mine, theirs = out.resolve(), path.resolve()
    place = "another place to write to"
    if mine == theirs:
        how = "is also what is read"
    elif theirs in mine.parents:
        how = f"lies in {path}, which is read"
        place += f", such as {theirs.parent / mine.name}"
    elif mine in theirs.parents:
        how = f"holds {path}, which is read"
    else:
        return
    raise FaceRefError(f"{out} {how}. Nothing was changed. Choose {place}.")


def need_outside_of_sets(out: Path) -> None:
    """Raise FaceRefError where `out` is a set, or lies in one."""
    whole = out.resolve()
    for place in (whole, *whole.parents):
        if (place / MARKER).is_file():
            where = "is" if place == whole else f"lies in {place}, which is"
            raise FaceRefError(
                f"--out {out} {where} a Face_Ref, which is left alone. Choose another --out."
            )


def strangers(folder: Path, ours: re.Pattern[str]) -> list[str]:
    """Files and links below `folder` that `ours` does not match, by relative path, sorted."""

    def fail(error: OSError) -> None:
        raise cannot_write(folder, error) from error

    found = []
    for root, folders, files in os.walk(folder, onerror=fail):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in (*files, *links):
            path = Path(root, name).relative_to(folder).as_posix()
            if not ours.fullmatch(path):
                found.append(path)
    return sorted(found)


def names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
