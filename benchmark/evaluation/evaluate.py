"""Evaluation: every face of a split enlarged and scored, with what it cost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

import faceref
from benchmark.data.faces import Faces, cycle, open_face_ref, read_split
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method, package_of
from benchmark.metrics.batch import score_batch
from benchmark.metrics.registry import METRICS
from benchmark.metrics.score import to_uint8
from benchmark.protocol.budgets import TRAINING_LIST, budget_on
from benchmark.protocol.tasks import SCALE, TASKS, Task, task
from benchmark.results.result import Result, image_digest, run_name
from benchmark.training.cost import count_macs, peak_memory_mib, seconds_per_face
from benchmark.training.export import open_weights, training_report
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef, Pool
from faceref.dataset.revision import data_revision, references_digest
from faceref.dataset.store import REFERENCE_LISTS
from faceref.errors import FaceRefError
from faceref.hardware import hardware, open_device, versions

if TYPE_CHECKING:
    from benchmark.evaluation.extra_metrics import Extras

BATCH = 16
DIGITS = 4


@dataclass(frozen=True)
class Setting:
    """What is asked of a method."""

    task: str
    split: str = "test"
    references: int = 5
    """References given to methods that take any."""
    reference_list: str = "refs_hr"
    oracle: bool = False
    """Give the HR face itself as the only reference: a check, never a row of a leaderboard."""
    faces: int | None = None
    """Score that many faces, evenly spaced; None scores all."""


def default_task(face_ref: FaceRef) -> str:
    """The task for a Face_Ref whose user named none: its source's, else `folder-x8@1`."""
    name = f"{face_ref.manifest['source']}-x8@1"
    return name if name in TASKS else "folder-x8@1"


def evaluate(
    face_ref: Path,
    method_name: str,
    setting: Setting,
    *,
    run: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    extras: Extras | None = None,
) -> Result:
    """Score a method, with the weights of the training `run` where it has any.

    `run` is the folder of a training, or a file that `benchmark.training.export` made of one.
    `extras` are metrics beside those of `METRICS`.
    """
    method = load_method(method_name)
    need_scale(task(setting.task))
    target = open_device(device)
    training = training_of(method, run)
    return score_model(
        open_model(method, run).to(target),
        face_ref,
        setting,
        reference_count(method, setting),
        target,
        progress,
        extras,
        method=method.name,
        title=method.title,
        budget=budget_name(training) if training else None,
        training=training_summary(training, method) if training else None,
        seed=training["seed"] if training else None,
        packages=package_of(method.name),
    )


def score_model(
    model: nn.Module,
    face_ref: Path,
    setting: Setting,
    count: int,
    target: torch.device,
    progress: Progress | None,
    extras: Extras | None,
    **known: Any,
) -> Result:
    """Score a module on `target`, called as `Method.build` says with `count` references.

    `known` are the fields of the result that say what it is.
    """
    opened, pool = open_face_ref(face_ref)
    faces = read_faces(opened, pool, setting)
    images = super_resolve(model, faces, count, target, oracle=setting.oracle and count > 0)
    scores = score_all(images, faces, progress, extras, count)
    lr, refs = (images.to(target) for images in example(faces, count))
    return make_result(
        setting,
        opened,
        faces,
        scores,
        references=count,
        reference_list=_list_name(count, setting),
        references_sha256=_given(faces, count, setting),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=count_macs(model, lr, refs),
        milliseconds=round(1000 * seconds_per_face(model, lr, refs), 2),
        hardware=hardware(target),
        peak_memory_mib=peak_memory_mib(target),
        **known,
    )


def need_scale(asked: Task) -> None:
    """Raises FaceRefError for a task of another scale than that of the methods."""
    if asked.scale != SCALE:
        raise FaceRefError(
            f"{asked.name} enlarges by {asked.scale}, the methods here by {SCALE}. "
            "Score images made elsewhere: --predictions DIR."
        )


def read_faces(face_ref: FaceRef, pool: Pool, setting: Setting) -> Faces:
    """The faces of `setting`, made small as its task says."""
    asked = task(setting.task)
    faces = read_split(
        face_ref,
        setting.split,
        pool,
        setting.reference_list,
        degradation=asked.degradation,
        scale=asked.scale,
    )
    return thin(faces, setting.faces)


def open_model(method: Method, run: Path | None) -> nn.Module:
    """The method's module in evaluation mode, with the weights of a training or a exported file."""
    if method.trained and run is not None:
        return open_weights(run).model
    return method.build().eval()


def training_of(method: Method, run: Path | None) -> dict[str, Any] | None:
    """Report of the training `run`, None for a method without; raises FaceRefError if not its."""
    if not method.trained:
        return None
    if run is None:
        raise FaceRefError(
            f"{method.name} needs trained weights: give --run DIR, made by "
            f"facebench train FACE_REF --method {method.name} --out DIR, or a exported file"
        )
    training = training_report(run)
    if training["method"] != method.name:
        raise FaceRefError(f"{run} holds {training['method']!r}, not {method.name!r}.")
    return training


def budget_name(training: dict[str, Any]) -> str:
    """The budget of a training; one that saw other references than usual has a leaderboard of its
    own."""
    return budget_on(training["budget"]["name"], training.get("reference_list", TRAINING_LIST))


def reference_count(method: Method, setting: Setting) -> int:
    """How many references the method gets."""
    if not method.uses_references:
        return 0
    wanted = 1 if setting.oracle else setting.references
    return wanted if method.most_references is None else min(wanted, method.most_references)


def planned_path(
    method: Method, setting: Setting, budget: str | None, seed: int | None, folder: Path
) -> Path:
    """Where the result of a method in a setting will lie below `folder`."""
    count = reference_count(method, setting)
    learns_from_them = method.trained and method.uses_references
    name = run_name(budget, count, _list_name(count, setting), learns_from_them, seed)
    return folder / setting.task / method.name / f"{name}.json"


def _list_name(count: int, setting: Setting) -> str | None:
    if count == 0:
        return None
    return "target" if setting.oracle else setting.reference_list


def _given(faces: Faces, count: int, setting: Setting) -> str | None:
    """Digest of the references that the faces are given; None for none, and for the target."""
    if count == 0 or setting.oracle:
        return None
    ids = list(faces.pool.row)
    return references_digest([[ids[row] for row in cycle(r, count)] for r in faces.references])


def thin(faces: Faces, count: int | None) -> Faces:
    """`count` evenly spaced faces, or all of them."""
    if count is None or count >= len(faces):
        return faces
    return faces.take(np.linspace(0, len(faces) - 1, count).round().astype(int).tolist())


def example(faces: Faces, count: int) -> tuple[Tensor, Tensor]:
    """One face and its references, to measure cost with."""
    lr, refs, _ = faces.batch([0], count)
    return lr, refs


@torch.no_grad()
def super_resolve(
    model: nn.Module, faces: Faces, count: int, device: torch.device, *, oracle: bool = False
) -> Iterator[np.ndarray]:
    """Each face of `faces` enlarged: uint8 RGB (128, 128, 3), computed in float32."""
    for start in range(0, len(faces), BATCH):
        rows = list(range(start, min(start + BATCH, len(faces))))
        lr, refs, hr = faces.batch(rows, 0 if oracle else count)
        refs = hr.unsqueeze(1) if oracle else refs
        yield from to_uint8(model(lr.to(device), refs.to(device)).float().cpu().numpy())


def score_all(
    images: Iterator[np.ndarray],
    faces: Faces,
    progress: Progress | None,
    extras: Extras | None,
    count: int = 0,
) -> dict[str, Any]:
    """Fields of a result: `scores`, and what `extras` add, of outputs made with K references."""
    start = time.perf_counter()
    scores: dict[str, list[float | None]] = {metric: [] for metric in METRICS}
    images = extras.keep(images) if extras else images
    for done in range(0, len(faces), BATCH):
        outputs = np.stack(list(islice(images, BATCH)))
        targets = faces.hr[done : done + BATCH]
        found = score_batch(torch.from_numpy(outputs), torch.from_numpy(targets))
        for metric, values in found.items():
            scores[metric] += values.round(DIGITS).tolist()
        if progress:
            progress(done + len(targets), len(faces), "")
    if extras is None:
        return {"scores": scores, "seconds": round(time.perf_counter() - start, 1)}
    more = extras.score(faces, count)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "scores": scores | more.scores,
        "set_scores": more.set_scores,
        "metric_sources": more.sources,
    }


def training_summary(training: dict[str, Any], method: Method) -> dict[str, Any]:
    """What a result says of its training, of the report of the training."""
    keys = (
        "data_revision",
        "seconds",
        "steps",
        "best_step",
        "val_psnr_y",
        "val_curve",
        "weights_sha256",
    )
    summary: dict[str, Any] = {key: training[key] for key in keys}
    summary |= {"precision": training.get("precision", training["budget"]["precision"])}
    if (archived_from := training.get("archived_from")) is not None:
        summary |= {"archived_from": archived_from}
    # Exported files of an older version do not say the rate.
    if (rate := training["budget"].get("learning_rate")) is not None:
        summary |= {"learning_rate": rate}
    summary |= {"hardware": training["hardware"], "uses_references": method.uses_references}
    return summary


def make_result(
    setting: Setting,
    face_ref: FaceRef,
    faces: Faces,
    scored: dict[str, Any],
    packages: Mapping[str, str] | None = None,
    **known: Any,
) -> Result:
    """The result of `scored`; `packages` are versions of what numbers depend on besides ours."""
    return Result(
        task=setting.task,
        split=setting.split,
        data_revision=data_revision(face_ref),
        images=len(faces),
        images_sha256=image_digest(faces.image_ids),
        image_ids=list(faces.image_ids),
        means=_means(scored["scores"]),
        code=code_version(),
        versions={**versions(), **(packages or {})},
        **scored,
        **known,
    )


def _means(scores: dict[str, list[float | None]]) -> dict[str, float]:
    """Means over the images that have a number; a metric that none has is left out."""
    found = {name: [value for value in row if value is not None] for name, row in scores.items()}
    return {name: round(float(np.mean(row)), DIGITS) for name, row in found.items() if row}


def code_version() -> str:
    """The package's version and, where it runs from a git checkout, the commit."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return faceref.__version__
    return f"{faceref.__version__}+{found.stdout.strip()}"


def settings_of(method: Method, base: Setting) -> Iterator[Setting]:
    """The settings that a method is scored in: both lists, and without references if it can."""
    if not method.uses_references:
        yield base
        return
    for name in REFERENCE_LISTS:
        yield replace(base, reference_list=name)
    if not method.needs_references:
        yield replace(base, references=0)
