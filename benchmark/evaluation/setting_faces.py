"""The faces of a setting, with the references that methods are given."""

from __future__ import annotations

import numpy as np

from benchmark.data.faces import (
    Faces,
    cycle,
    digest_of,
    found_in,
    lengthened,
    read_split,
    reference_rows,
)
from benchmark.evaluation.record import GivenReferences
from benchmark.evaluation.setting import Setting, given_list
from benchmark.protocol.tasks import task
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import REFERENCE_LISTS
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining


def read_faces(face_ref: FaceRef, setting: Setting, count: int = 0) -> Faces:
    """The faces of `setting`, with LR faces as its task makes them, and `count` references each.

    The lists of the set are taken as they are, but `refs_lr` is searched for in the pool, by
    appearance and without the bound on similarity, where

    - the task's LR face shows less than the face that lists were found with: with what it shows;
    - lists by appearance are too short: their own come first, and more follow;
    - more are asked for than any build makes by default: all of them are searched.
    """
    asked = task(setting.task)
    faces = read_split(
        face_ref,
        setting.split,
        setting.reference_list,
        degradation=asked.degradation,
        scale=asked.scale,
    )
    chosen = thin(faces, setting.faces)
    if count == 0 or setting.oracle:
        return chosen
    if setting.pool is not None:
        return found_in(chosen, setting.pool, count)
    if setting.reference_list != "refs_lr" or setting.split == "train":
        return chosen
    if asked.shows_less:
        return found_in(chosen, face_ref, count)
    if _by_appearance(face_ref) and count > min(map(len, chosen.references), default=count):
        search = found_in if count > _listed(face_ref) else lengthened
        return search(chosen, face_ref, count)
    return chosen


def need_as_many(face_ref: FaceRef, setting: Setting, count: int) -> None:
    """Raise FaceRefError for many more references than lists hold, where no more can be found.

    `count` are given to the method. Those of short lists are given again and again up to K;
    `refs_lr` is searched further, see `read_faces`.
    """
    name = setting.reference_list
    elsewhere = setting.oracle or setting.pool is not None or name not in REFERENCE_LISTS
    if elsewhere or count <= _listed(face_ref):
        return
    if name != "refs_lr" or not (task(setting.task).shows_less or _by_appearance(face_ref)):
        held, kind = face_ref.manifest["references"], face_ref.manifest["mining"]["likeness"][name]
        raise FaceRefError(
            f"{count} references: the {name} of {face_ref.root} by {kind} hold "
            f"{held}, and more can only be found by appearance. Give {held} at most, or build with "
            f"--references {count}."
        )


def _listed(face_ref: FaceRef) -> int:
    """References up to which short lists are filled up."""
    return max(face_ref.manifest["references"], Mining.references)


def _by_appearance(face_ref: FaceRef) -> bool:
    return face_ref.manifest["mining"]["likeness"]["refs_lr"] == "appearance"


def given_references(faces: Faces, count: int, setting: Setting) -> GivenReferences:
    """Which references the faces are given, and their digest but for the target's own."""
    name = given_list(count, setting)
    if count == 0 or setting.oracle:
        return GivenReferences(count, name)
    given = [cycle(rows, count) for rows in faces.references]
    return GivenReferences(count, name, digest_of(faces.pool, given))


def listed_digest(face_ref: FaceRef, setting: Setting, count: int) -> str | None:
    """Digest of the references that the lists of a set give, as results keep it.

    None where none are given, and where they are searched for: that takes the images.
    """
    if count == 0 or setting.oracle or setting.pool is not None or task(setting.task).shows_less:
        return None
    rows = reference_rows(face_ref, setting.split, setting.reference_list)
    given = [rows[row] for row in _thin_rows(len(rows), setting.faces)]
    if setting.reference_list == "refs_lr" and count > min(map(len, given), default=count):
        return None
    return digest_of(face_ref.pool, [cycle(one, count) for one in given])


def thin(faces: Faces, count: int | None) -> Faces:
    """`count` evenly spaced faces, or all of them."""
    if count is None or count >= len(faces):
        return faces
    return faces.take(_thin_rows(len(faces), count))


def _thin_rows(total: int, count: int | None) -> list[int]:
    if count is None or count >= total:
        return list(range(total))
    return np.linspace(0, total - 1, count).round().astype(int).tolist()
