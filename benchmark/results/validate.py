"""Results checked from outside: each file for itself, and against the Face_Ref that it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.results.files import read, read_in_place, result_paths
from benchmark.results.result import Result, image_digest
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError


def validate_all(
    paths: Sequence[str | Path], face_ref: FaceRef | None = None
) -> dict[Path, str | None]:
    """Check result files, each for itself and, where it is given, against their Face_Ref.

    Args:
        paths: Result files, or folders of results.
        face_ref: The opened set that they should be of.

    Returns:
        For each result file what is wrong with it, in words; None where nothing is.

    Raises:
        FaceRefError: Where a path does not exist or a folder holds no results.
    """
    found: dict[Path, str | None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found |= {file: _wrong(file, path, face_ref) for file in result_paths(path)}
        elif path.exists():
            found[path] = _wrong(path, None, face_ref)
        else:
            raise FaceRefError(f"There is no {path}. Give result files, or a folder of them.")
    return found


def _wrong(path: Path, folder: Path | None, face_ref: FaceRef | None) -> str | None:
    try:
        result = read(path) if folder is None else read_in_place(path, path.parents[2])
        if face_ref is not None:
            _need_same_data(result, face_ref)
    except FaceRefError as error:
        return str(error).removeprefix(f"{path} ").removeprefix(f"{path}: ")
    return None


def _need_same_data(result: Result, face_ref: FaceRef) -> None:
    revision = data_revision(face_ref)
    if result.data_revision != revision:
        raise FaceRefError(
            f"is of the Face_Ref {result.data_revision[:12]}..., this one is {revision[:12]}.... "
            "Evaluate again, or give the Face_Ref that it is of."
        )
    ids = face_ref.column(result.split, "image_id")
    few = np.linspace(0, len(ids) - 1, min(result.images, len(ids))).round().astype(int)
    if result.images_sha256 not in (image_digest(ids), image_digest([ids[row] for row in few])):
        raise FaceRefError(
            f"was not scored on the {result.images} faces of the split {result.split!r} that "
            "facebench evaluate takes. Evaluate again."
        )
