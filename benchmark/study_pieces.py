"""Finished pieces of a study on disk, so that an interrupted one goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from benchmark.study_file import Cell, PartChanged, Patches
from faceref.atomic import write_text

Piece = TypeVar("Piece", Cell, Patches, PartChanged)


class Pieces:
    """One file a piece, in a folder that is named by what is studied.

    `folder` None keeps nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._parent = folder
        self._folder: Path | None = None

    def begin(self, key: str) -> None:
        """Keep pieces of the study `key`, a digest of all that its numbers depend on."""
        if self._parent is not None:
            self._folder = self._parent / f"unfinished-{key[:16]}"

    def get(self, name: str, kind: type[Piece], make: Callable[[], list[Piece]]) -> list[Piece]:
        """The piece `name`: as it was kept, or made, and then kept."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}.json"
        if path.exists():
            return [kind(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
        found = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps([asdict(one) for one in found]))
        return found

    def forget(self) -> None:
        """Remove what was kept: the study is written."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
