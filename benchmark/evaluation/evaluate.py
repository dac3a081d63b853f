"""Evaluation: every face of a split super-resolved and scored, with what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.faces import Faces
from benchmark.evaluation.record import (
    DIGITS,
    GivenReferences,
    MethodRecord,
    Scores,
    TrainingRecord,
    make_result,
)
from benchmark.evaluation.setting import Setting, need_source, reference_count
from benchmark.evaluation.setting_faces import given_references, need_as_many, read_faces
from benchmark.memory.adaptation import Adaptation
from benchmark.methods.checks import need_faces, need_range, remark_on_range
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method, need_scale, package_of
from benchmark.metrics.batch import score_batch
from benchmark.metrics.registry import METRICS
from benchmark.metrics.score import to_uint8
from benchmark.protocol.budgets import TRAINING_LIST, budget_on
from benchmark.protocol.tasks import SCALE, task
from benchmark.results.result import Result
from benchmark.training.cost import measure_cost
from benchmark.training.export import open_weights, training_report
from benchmark.training.run import Data, scale_of
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError
from faceref.hardware import open_device

if TYPE_CHECKING:
    from benchmark.evaluation.extra_metrics import ExtraMetrics

BATCH = 16
Check = Callable[[Result], None]
"""Called before anything is scored, with the result as far as it is known; raises where it may not
be made, see `benchmark.results.replacing.need_replaceable`."""


def evaluate(
    face_ref: FaceRef,
    method_name: str,
    setting: Setting,
    *,
    run: str | Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    extras: ExtraMetrics | None = None,
    check: Check | None = None,
) -> Result:
    """Score a method of the registry, with the weights of the training `run` where it has any.

    Args:
        face_ref: The opened set; its train images are decoded only where references are given.
        method_name: See `benchmark.methods.registry.method_names`.
        setting: The task, and which references are given.
        run: Folder of a training, or a file that `benchmark.training.export` made of one.
        device: `cpu` or `cuda`.
        progress: Called with faces done, faces in all, and an empty text.
        extras: Metrics beside the four of every result, see `open_for`.
        check: Called before anything is scored, see `Check`.

    Returns:
        The result, not written yet: `benchmark.results.files.write` does that.

    Raises:
        FaceRefError: For an unknown method or task, and for missing or damaged weights.

    Example:
        >>> result = evaluate(faces, "bicubic", Setting("sample-x8@1"))
        >>> result.images
        42
    """
    method = load_method(method_name)
    scale = task(setting.task).scale
    need_scale(method, scale)
    training = training_of(method, run, scale)
    known = MethodRecord(method.name, method.title, packages=package_of(method.name))
    if training:
        _need_transfer(setting, training, face_ref)
        known = replace(
            known,
            budget=budget_name(training),
            seed=training["seed"],
            training=TrainingRecord.of(training, method.uses_references),
        )
    model, adapted = open_model(method, run, scale)
    count = reference_count(method, setting)
    if adapted is not None:
        named = replace(known, name=known.name + adapted.suffix, title=known.title + adapted.title)
        known = replace(named, adaptation=adapted)
        count = count if setting.oracle else adapted.references
    how = {"device": device, "progress": progress, "extras": extras, "check": check}
    return score_model(model, known, face_ref, setting, count, **how)


def _need_transfer(setting: Setting, training: dict[str, Any], faces: FaceRef) -> None:
    """Raise FaceRefError where a task asks for other faces than those of the training."""
    asked = task(setting.task).trained_on
    revision, original = training["data_revision"], training.get("archived_from")
    if asked and Data.of(faces).are_of(revision, original):
        raise FaceRefError(
            f"{setting.task} is for networks trained on {asked}, and these weights were trained on "
            f"the very set {faces.root}. Leave --task out, or give other weights."
        )


def score_model(
    model: nn.Module,
    method: MethodRecord,
    face_ref: FaceRef,
    setting: Setting,
    count: int,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    extras: ExtraMetrics | None = None,
    check: Check | None = None,
) -> Result:
    """Score any torch module that is called as a method is.

    Args:
        model: Takes LR faces (N, 3, 16, 16) and references (N, K, 3, 128, 128), float32 RGB in
            [0, 1], and gives (N, 3, 128, 128); in evaluation mode.
        method: What the result says the module is.
        face_ref: The opened set.
        setting: The task, and which references are given.
        count: References that the module is given, K.
        device: `cpu` or `cuda`; the module is moved there.
        progress: Called with faces done, faces in all, and an empty text.
        extras: Metrics beside the four of every result.
        check: Called before anything is scored, see `Check`.

    Returns:
        The result, not written yet.

    Raises:
        FaceRefError: For an unknown task, split or reference list, or a missing device.
    """
    need_source(face_ref, setting.task)
    need_as_many(face_ref, setting, count)
    if setting.oracle and extras is not None:
        extras.need_lists()
    target = open_device(device)
    model = model.to(target)
    faces = read_faces(face_ref, setting, count).given(count)
    known = result_of(
        face_ref, setting, faces, method, check, given_references(faces, count, setting)
    )
    images = super_resolve(model, faces, count, target, oracle=setting.oracle and count > 0)
    scores = score_all(images, faces, progress, extras, count)
    lr, refs = (images.to(target) for images in example(faces, count))
    return known(scores=scores, cost=measure_cost(model, lr, refs))


def result_of(
    face_ref: FaceRef,
    setting: Setting,
    faces: Faces,
    method: MethodRecord,
    check: Check | None,
    references: GivenReferences = GivenReferences(),
) -> Callable[..., Result]:
    """What makes the result of its scores, once `check` lets it."""
    known = partial(
        make_result,
        task=setting.task,
        split=setting.split,
        data_revision=data_revision(face_ref),
        image_ids=faces.image_ids,
        people=faces.people,
        method=method,
        references=references,
    )
    if check is not None:
        check(known(scores=Scores({}, 0.0)))
    return known


def open_model(
    method: Method, run: str | Path | None, scale: int = SCALE
) -> tuple[nn.Module, Adaptation | None]:
    """The method's module in evaluation mode, and to what it was adapted.

    Its weights are those of a training or of a file, where one is given. Raises FaceRefError where
    they are of another method or scale.
    """
    if run is None:
        return method.build().eval(), None
    weights = open_weights(run)
    if weights.method.name != method.name:
        raise FaceRefError(f"{run} holds {weights.method.name!r}, not {method.name!r}.")
    if weights.scale != scale:
        raise FaceRefError(f"{run} is of x{weights.scale}, and the task is of x{scale}.")
    return weights.model, weights.adaptation


def training_of(
    method: Method, run: str | Path | None, scale: int = SCALE
) -> dict[str, Any] | None:
    """Report of the training `run`, None for a method without.

    Raises FaceRefError where it is of another method or scale.
    """
    if not method.trained:
        return None
    if run is None:
        raise FaceRefError(
            f"{method.name} needs trained weights: give --weights DIR, made by "
            f"facebench train FACE_REF --method {method.name} --out DIR, or an exported file"
        )
    training = training_report(run)
    if training["method"] != method.name:
        raise FaceRefError(f"{run} holds {training['method']!r}, not {method.name!r}.")
    if (found := scale_of(training)) != scale:
        raise FaceRefError(
            f"{run} was trained for x{found}, and the task is of x{scale}. Give another task, or "
            f"train: facebench train FACE_REF --method {method.name} --scale {scale} --out DIR"
        )
    return training


def budget_name(training: dict[str, Any]) -> str:
    """The budget of a training; other references than usual make a budget of another name."""
    return budget_on(training["budget"]["name"], training.get("reference_list", TRAINING_LIST))


def example(faces: Faces, count: int) -> tuple[Tensor, Tensor]:
    """One face and its references, to measure cost with."""
    lr, refs, _ = faces.batch([0], count)
    return lr, refs


@torch.no_grad()
def super_resolve(
    model: nn.Module, faces: Faces, count: int, device: torch.device, *, oracle: bool = False
) -> Iterator[np.ndarray]:
    """Each face of `faces` super-resolved: uint8 RGB (128, 128, 3), computed in float32."""
    for start in range(0, len(faces), BATCH):
        rows = list(range(start, min(start + BATCH, len(faces))))
        lr, refs, hr = faces.batch(rows, 0 if oracle else count)
        refs = hr.unsqueeze(1) if oracle else refs
        output = model(lr.to(device), refs.to(device))
        need_faces(output, hr.shape)
        need_range(output)
        if start == 0:
            remark_on_range(output)
        yield from to_uint8(output.float().cpu().numpy())


def score_all(
    images: Iterator[np.ndarray],
    faces: Faces,
    progress: Progress | None = None,
    extras: ExtraMetrics | None = None,
    count: int = 0,
) -> Scores:
    """Scores of outputs, uint8 RGB (128, 128, 3), in order, made with K references."""
    start = time.perf_counter()
    scores: dict[str, list[float | None]] = {metric: [] for metric in METRICS}
    kept: list[np.ndarray] = []
    for done in range(0, len(faces), BATCH):
        outputs = np.stack(list(islice(images, BATCH)))
        targets = faces.hr[done : done + BATCH]
        found = score_batch(outputs, targets)
        for metric, values in found.items():
            scores[metric] += values.round(DIGITS).tolist()
        if extras:
            kept.append(outputs)
        if progress:
            progress(done + len(targets), len(faces), "")
    if extras is None:
        return Scores(scores, _seconds_since(start))
    more = extras.score(np.concatenate(kept), faces, count)
    return Scores(scores | more.scores, _seconds_since(start), more.set_scores, more.sources)


def _seconds_since(start: float) -> float:
    return round(time.perf_counter() - start, 1)
