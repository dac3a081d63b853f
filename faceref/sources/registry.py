"""Opens a source by name."""

from __future__ import annotations

from pathlib import Path

from faceref.errors import FaceRefError, unknown_choice
from faceref.sources.base import Source

SOURCES = ("folder", "sample")


def open_source(name: str, path: Path | None) -> Source:
    """The source `name`; `path` is where its images lie, None for the embedded sample."""
    if name not in SOURCES:
        raise unknown_choice("source", name, SOURCES)
    if name == "sample":
        if path is not None:
            raise FaceRefError(
                f"--source sample takes no path, but got {path}: it is part of the package. "
                f"For your own faces: faceref build --source folder {path} --out DIR"
            )
        from faceref.sources.sample import sample

        return sample()
    if path is None:
        raise FaceRefError(
            f"--source {name} needs the path of the images: "
            f"faceref build --source {name} FACES --out DIR"
        )
    from faceref.sources.folder import folder

    return folder(path)
