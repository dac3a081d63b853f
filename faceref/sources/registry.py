"""The registry of sources: one file each in this folder, imported when asked for.

A file `name.py` defines `SOURCE = SourceKind("name", ...)`; nothing else has to be edited.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

from faceref.errors import FaceRefError, unknown_choice
from faceref.sources.base import Choices, Source, SourceKind
from faceref.sources.inventory import Inventory

FOLDER = Path(__file__).resolve().parent
_NO_SOURCE = (
    "__init__",
    "archives",
    "base",
    "hf_columns",
    "inventory",
    "listing",
    "registry",
    "text_table",
)
"""Modules of this folder that sources share."""
FLAGS = {"checksums": "--no-checksums", "split": "--hf-split"}
"""Options of the command line whose name is not that of the choice."""


def source_names() -> list[str]:
    """Names of all sources, sorted; imports none of them."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in _NO_SOURCE)


def load_source(name: str) -> SourceKind:
    """Import the source `name`; raises FaceRefError for an unknown one."""
    if name not in source_names():
        raise unknown_choice("source", name, source_names())
    kind = getattr(importlib.import_module(f"faceref.sources.{name}"), "SOURCE", None)
    if not isinstance(kind, SourceKind) or kind.name != name:
        raise FaceRefError(
            f"faceref/sources/{name}.py must define SOURCE = SourceKind({name!r}, ...)."
        )
    return kind


def open_source(name: str, path: Path | None, choices: Choices | None = None) -> Source:
    """The source `name`; `path` is where its images lie, None for the embedded sample.

    Raises FaceRefError for a choice that this source does not take, and for a copy that is not
    whole unless `choices.partial` accepts it.
    """
    kind = load_source(name)
    return kind.open(
        _fitting(kind, path, choices, f"faceref build --source {name} FACES --out DIR")
    )


def check_source(name: str, path: Path | None, choices: Choices | None = None) -> Inventory:
    """What of the source `name` is at `path`, and what is missing; opens no image."""
    kind = load_source(name)
    return kind.check(_fitting(kind, path, choices, f"faceref sources {name} FACES"))


def _fitting(kind: SourceKind, path: Path | None, choices: Choices | None, example: str) -> Choices:
    choices = replace(choices or Choices(), path=path)
    if kind.needs_path and path is None:
        raise FaceRefError(
            f"The source {kind.name} needs the path of the images: {example}. {kind.layout}"
        )
    if not kind.needs_path and path is not None:
        raise FaceRefError(
            f"The source {kind.name} takes no path, but got {path}: it is part of the package. "
            f"For your own faces: faceref build --source folder {path} --out DIR"
        )
    for name in choices.given():
        if name not in kind.takes:
            taken = ", ".join(map(_flag, kind.takes)) or "none"
            raise FaceRefError(
                f"{_flag(name)} does not apply to --source {kind.name}, which takes: {taken}. "
                "Leave it out."
            )
    return choices


def _flag(name: str) -> str:
    return FLAGS.get(name, "--" + name.replace("_", "-"))
