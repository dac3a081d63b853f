"""Whether an output can be written, asked before the work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from faceref.errors import FaceRefError, cannot_write, unknown_choice

LONGEST_NAME = 255
"""Bytes of a file's name on the usual file systems."""


def need_file(path: Path, option: str = "--out", endings: Sequence[str] = ()) -> None:
    """Raise FaceRefError unless a file can be written there; nothing is written yet.

    Args:
        path: The file; its folder need not exist.
        option: Where it was given.
        endings: Those it may have, such as `.png`; empty allows all.
    """
    need_names(path, option, LONGEST_NAME)
    if path.is_dir():
        raise FaceRefError(f"{option} {path} is a folder. Give the name of a file in it.")
    if endings and path.suffix.lower() not in endings:
        raise unknown_choice(f"ending of {option} {path}:", path.suffix, endings)
    need_place(path.parent, option)


def need_folder(path: Path, option: str = "--out") -> None:
    """Raise FaceRefError unless files can be written to a folder, which may be yet to be made.

    Args:
        path: The folder.
        option: Where it was given.
    """
    need_names(path, option, LONGEST_NAME)
    need_place(path, option)


def need_names(path: Path, option: str, longest: int) -> None:
    for part in path.parts:
        size = len(os.fsencode(part))
        if size > longest:
            raise FaceRefError(
                f"{option}: the name {part[:20]}... has {size} bytes, at most {longest} are "
                "possible. Choose a shorter one."
            )


def need_place(folder: Path, option: str) -> None:
    """Raise UnwritableError unless `folder` is there, or can be made, and takes a file.

    A file without a name is made, for some file systems refuse what permissions allow.
    """
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise cannot_write(f"{option} {folder}", error) from error
