"""Faces of a split super-resolved by several methods, for figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmark.data.faces import Faces, cycle, read_split
from benchmark.evaluation.evaluate import open_model, super_resolve
from benchmark.evaluation.setting import Setting, default_task, reference_count
from benchmark.evaluation.setting_faces import thin
from benchmark.methods.registry import load_method, method_names
from benchmark.report.face_grid import Example, comparison, zoom
from benchmark.results.files import read_all
from benchmark.training.export import training_report
from faceref.console import say_aside
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.images import save

CROPPED = 3
"""Faces shown as crops."""


def draw_faces(
    face_ref: FaceRef, runs: dict[str, Path | None], name: str, rows: int, folder: Path
) -> list[Path]:
    """Comparison of `rows` faces, and crops of the first, in `folder`; returns what was written.

    References are those of the list `name`; `runs` holds the training of each method.
    """
    titles = [load_method(method).title for method in runs]
    setting = Setting(default_task(face_ref), reference_list=name)
    found = examples(face_ref, runs, setting, rows)
    image = folder / f"comparison_{name}.png"
    save(comparison(found, titles, f"references ({name}, score)"), image)
    return [image, *zoom(found[:CROPPED], titles, folder / f"zoom_{name}.png")]


def trainings(chosen: Sequence[str], runs: Path) -> dict[str, Path | None]:
    """Folder of the training of each `chosen` method below `runs`.

    That is `<method>`, or `<method>-s0` as suites call it. Without names: the untrained methods,
    and those that have a training there.
    """
    found = [load_method(name) for name in chosen or method_names()]
    places = {method.name: _training(runs, method.name) for method in found}
    usable = [m for m in found if chosen or not m.trained or places[m.name].is_dir()]
    return {method.name: places[method.name] if method.trained else None for method in usable}


def trainings_of(results: Path, chosen: Sequence[str], runs: Path) -> dict[str, Path | None]:
    """As `trainings`, but only those that the results below `results` are of.

    A line names trained methods of the results that have none. Raises FaceRefError where that is
    one of `chosen`.
    """
    rows = [row for row in read_all(results) if row.training and row.adaptation is None]
    known = {row.training["weights_sha256"] for row in rows if row.training}
    found = trainings(chosen, runs)
    others = [
        name
        for name, run in found.items()
        if run is not None and training_report(run)["weights_sha256"] not in known
    ]
    if chosen and others:
        raise FaceRefError(
            f"{runs} holds a training of {', '.join(others)} that no result in {results} is of: "
            "their SHA-256 differ. Give the --runs that were scored, or leave it out of --methods."
        )
    drawn = {name: run for name, run in found.items() if name not in others}
    lacking = sorted({row.method for row in rows} - set(drawn)) if not chosen else []
    if left := sorted({*others, *lacking}):
        say_aside(
            f"Faces are drawn without {', '.join(left)}: {runs} does not hold the trainings that "
            "the results are of. Give them as --runs."
        )
    return drawn


def _training(runs: Path, method: str) -> Path:
    first = runs / f"{method}-s0"
    return first if first.is_dir() and not (runs / method).is_dir() else runs / method


def examples(
    face_ref: FaceRef, runs: dict[str, Path | None], setting: Setting, rows: int
) -> list[Example]:
    """`rows` faces, evenly spaced, with the output of each method of `runs` (name: training)."""
    read = read_split(face_ref, setting.split, setting.reference_list)
    faces = thin(read, rows).given(setting.references)
    methods = [load_method(name) for name in runs]
    device = torch.device("cpu")
    outputs = [
        list(
            super_resolve(
                open_model(m, runs[m.name])[0], faces, reference_count(m, setting), device
            )
        )
        for m in methods
    ]
    scores = _scores(face_ref, setting, faces)
    found = []
    for row in range(len(faces)):
        chosen = cycle(faces.references[row], min(setting.references, len(faces.references[row])))
        chosen_images = [faces.pool.images[place] for place in chosen]
        given = [images[row] for images in outputs]
        shown = scores[row][: len(chosen)]
        found.append(Example(faces.lr[row], faces.hr[row], given, chosen_images, shown))
    return found


def _scores(face_ref: FaceRef, setting: Setting, faces: Faces) -> list[list[float]]:
    ids = face_ref.column(setting.split, "image_id")
    lists = face_ref.column(setting.split, setting.reference_list)
    found = {key: [item["score"] for item in value] for key, value in zip(ids, lists, strict=True)}
    return [np.round(found[image_id], 4).tolist() for image_id in faces.image_ids]
