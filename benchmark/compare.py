"""The whole comparison in one call: train, evaluate, rank, draw, and write a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmark import result_files
from benchmark.data import Faces, cycle, open_face_ref, read_split
from benchmark.evaluate import Setting, enlarge, evaluate, open_model, reference_count, thin
from benchmark.figure import Example, comparison
from benchmark.figures import draw
from benchmark.methods import Method, load, names
from benchmark.page import write_page
from benchmark.protocol import Budget
from benchmark.train import Running, train
from benchmark.zoom import zoom
from faceref.grid import save
from faceref.sheet import contact_sheet
from faceref.store import REFERENCE_LISTS, FaceRef

Update = Callable[[int, int, str], None]
Bar = Callable[[str], AbstractContextManager[Update]]
"""Opens a progress bar with a label."""
CROPPED = 3
"""Faces shown as crops."""


@dataclass(frozen=True)
class Plan:
    """What to compare, and where."""

    face_ref: Path
    methods: Sequence[str]
    budget: Budget
    setting: Setting
    out: Path
    seed: int = 0
    device: str = "cpu"

    @property
    def results(self) -> Path:
        """Folder of the result files."""
        return self.out / "results"

    def run(self, method: Method) -> Path | None:
        """Folder of a method's training, None for one without."""
        return self.out / "runs" / method.name if method.trained else None


def compare(plan: Plan, bar: Bar) -> Path:
    """Carry `plan` out; returns the page. Trainings that an earlier call finished are kept."""
    methods = [load(name) for name in plan.methods]
    for method in methods:
        if run := plan.run(method):
            with bar(f"Training {method.title}") as update:
                train(
                    plan.face_ref,
                    method.name,
                    plan.budget,
                    run,
                    seed=plan.seed,
                    running=Running(plan.device),
                    progress=update,
                )
    for method in methods:
        for setting in settings_of(method, plan.setting):
            with bar(f"Scoring {method.title}") as update:
                found = evaluate(
                    plan.face_ref,
                    method.name,
                    setting,
                    run=plan.run(method),
                    device=plan.device,
                    progress=update,
                )
            result_files.write(found, plan.results)
    draw(plan.results, plan.out)
    sheets(plan)
    return write_page(plan.out)


def settings_of(method: Method, base: Setting) -> Iterator[Setting]:
    """The settings that a method is scored in: both lists, and without references if it can."""
    if not method.uses_references:
        yield base
        return
    for name in REFERENCE_LISTS:
        yield replace(base, reference_list=name)
    if not method.needs_references:
        yield replace(base, references=0)


def sheets(plan: Plan, rows: int = 8) -> None:
    """Contact sheet, comparison and crops of `plan`, in its folder `figures`."""
    for name in REFERENCE_LISTS:
        sheet = contact_sheet(FaceRef.open(plan.face_ref), reference_list=name, probes=8)
        save(sheet, plan.out / "figures" / f"contact_{name}.png")
        runs = {name: plan.run(load(name)) for name in plan.methods}
        setting = replace(plan.setting, reference_list=name)
        draw_faces(plan.face_ref, runs, setting, rows, plan.out / "figures")


def draw_faces(
    face_ref: Path, runs: dict[str, Path | None], setting: Setting, rows: int, folder: Path
) -> list[Path]:
    """Comparison of `rows` faces and crops of the first, in `folder`; returns what was written."""
    titles, name = [load(method).title for method in runs], setting.reference_list
    found = examples(face_ref, runs, setting, rows)
    picture = folder / f"comparison_{name}.png"
    save(comparison(found, titles, f"references ({name}, score)"), picture)
    return [picture, *zoom(found[:CROPPED], titles, folder / f"zoom_{name}.png")]


def trainings(methods: str, runs: Path) -> dict[str, Path | None]:
    """Folder of each method's training below `runs`; `methods` are names by commas.

    That is `<method>`, or `<method>-s0` as campaigns call it. Without names: the untrained methods,
    and those that have a training there.
    """
    chosen = [name.strip() for name in methods.split(",") if name.strip()]
    found = [load(name) for name in chosen or names()]
    places = {method.name: _training(runs, method.name) for method in found}
    usable = [m for m in found if chosen or not m.trained or places[m.name].is_dir()]
    return {method.name: places[method.name] if method.trained else None for method in usable}


def _training(runs: Path, method: str) -> Path:
    first = runs / f"{method}-s0"
    return first if first.is_dir() and not (runs / method).is_dir() else runs / method


def examples(
    face_ref: Path, runs: dict[str, Path | None], setting: Setting, rows: int
) -> list[Example]:
    """`rows` faces, evenly spaced, enlarged by every method of `runs` (name: training folder)."""
    opened, pool = open_face_ref(face_ref)
    faces = thin(read_split(opened, setting.split, pool, setting.reference_list), rows)
    methods = [load(name) for name in runs]
    device = torch.device("cpu")
    outputs = [
        list(enlarge(open_model(m, runs[m.name]), faces, reference_count(m, setting), device))
        for m in methods
    ]
    scores = _scores(opened, setting, faces)
    found = []
    for row in range(len(faces)):
        chosen = cycle(faces.references[row], min(setting.references, len(faces.references[row])))
        pictures = [faces.pool.images[place] for place in chosen]
        given = [images[row] for images in outputs]
        shown = scores[row][: len(chosen)]
        found.append(Example(faces.lr[row], faces.hr[row], given, pictures, shown))
    return found


def _scores(face_ref: FaceRef, setting: Setting, faces: Faces) -> list[list[float]]:
    ids = face_ref.column(setting.split, "image_id")
    lists = face_ref.column(setting.split, setting.reference_list)
    found = {key: [item["score"] for item in value] for key, value in zip(ids, lists, strict=True)}
    return [np.round(found[image_id], 4).tolist() for image_id in faces.image_ids]
