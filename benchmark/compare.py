"""The whole comparison in one call: train, evaluate, rank, draw, and write a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.evaluation.evaluate import (
    Setting,
    evaluate,
    settings_of,
)
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method
from benchmark.protocol.budgets import Budget
from benchmark.report.examples import draw_faces
from benchmark.report.plots import draw
from benchmark.report.site.page import write_page
from benchmark.results import files as result_files
from benchmark.training.train import Running, train
from faceref.console import Bar
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import REFERENCE_LISTS
from faceref.images import save


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
    methods = [load_method(name) for name in plan.methods]
    face_ref = FaceRef.open(plan.face_ref)
    for method in methods:
        if run := plan.run(method):
            with bar(f"Training {method.title}") as update:
                train(
                    face_ref,
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
                    face_ref,
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


def sheets(plan: Plan, rows: int = 8) -> None:
    """Contact sheet, comparison and crops of `plan`, in its folder `figures`."""
    for name in REFERENCE_LISTS:
        sheet = FaceRef.open(plan.face_ref).sheet(reference_list=name, probes=8)
        save(sheet, plan.out / "figures" / f"contact_{name}.png")
        runs = {name: plan.run(load_method(name)) for name in plan.methods}
        setting = replace(plan.setting, reference_list=name)
        draw_faces(plan.face_ref, runs, setting, rows, plan.out / "figures")
