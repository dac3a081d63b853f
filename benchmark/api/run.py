"""Train and evaluate: one method, or all that a leaderboard needs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.api.arguments import joined, open_set
from benchmark.protocol.tasks import MOST_REFERENCES
from faceref.api.arguments import as_path, need_seed, need_whole, path_or_none
from faceref.console import need_choice, progress_bar, say_aside
from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from torch import nn

    from benchmark.evaluation.extra_metrics import ExtraMetrics
    from benchmark.evaluation.setting import Setting
    from benchmark.results.result import Result
    from benchmark.training.run import Run
    from faceref.dataset.face_ref import FaceRef


def train(
    faces: FaceRef | str | Path,
    method: str,
    *,
    budget: str = "small",
    out: str | Path,
    scale: int = 8,
    learning_rate: float | None = None,
    seed: int = 0,
    references_from: str = "both",
    device: str = "cpu",
    precision: str = "auto",
    minutes: float | None = None,
    compile: bool = False,
    log_dir: str | Path | None = None,
    progress: bool = True,
) -> Run:
    """Train a method on the train split; val chooses the weights, test is not opened.

    Called again after an interruption, it goes on, to the same weights.

    Args:
        faces: A Face_Ref, or its folder.
        method: Its name, see `list_methods`.
        budget: `debug` (seconds), `demo`, `small` (under an hour on two cores), `medium` (a night)
            or `full` (a GPU); or one of them for another number of faces seen: `small-40000`.
        out: Folder of the run.
        scale: How many times larger the network makes a face: 8, from 16x16, or what else its
            method says that it can.
        learning_rate: 0.0002, 0.0004, 0.0008 or 0.0016; None: the budget's.
        seed: Of weights, batches and references.
        references_from: `both`, `refs_hr`, `refs_lr` or `random`: what references are drawn from.
        device: `cpu` or `cuda`.
        precision: `bf16`, `fp32`, or `auto`: the budget's, but fp32 where bf16 is only imitated.
        minutes: Stop with a checkpoint before that time is over; None: never.
        compile: Use `torch.compile`; on a GPU with CUDA graphs.
        log_dir: Folder for TensorBoard.
        progress: Show a progress bar.

    Returns:
        The run; `run.training()` is its report. Give it to `evaluate` as `weights`.

    Raises:
        FaceRefError: For an unknown method or budget, a method with nothing to train or whose
            network fails on two faces, or an `out` that holds another training.
        TimeUp: Where `minutes` were over first; the same call goes on.

    Example:
        >>> import benchmark
        >>> run = benchmark.train("face_ref", "srcnn", budget="debug", out="runs/srcnn")
        >>> run.training()["steps"]
        12
    """
    from benchmark.methods.registry import load_method
    from benchmark.protocol import budgets
    from benchmark.training.distributed import World
    from benchmark.training.run import Run
    from benchmark.training.train import Running, precision_note
    from benchmark.training.train import train as run_training
    from benchmark.training.tuning import at_rate
    from faceref.outputs.lock import holding
    from faceref.outputs.ours import need_outside_of_sets
    from faceref.outputs.writable import need_folder

    seed = need_seed(seed)
    if not isinstance(method, str):
        raise FaceRefError(
            f"method={type(method).__name__!r}: give the name of a method. One of your own is "
            "registered first, see docs/tutorials/method.md."
        )
    folder, log = as_path(out), path_or_none(log_dir)
    need_folder(folder)
    need_outside_of_sets(folder)
    if log is not None:
        need_folder(log, "--log-dir")
    until = None if minutes is None else time.monotonic() + 60 * minutes
    running = Running(device, compile, log, until, precision)
    wanted = budgets.budget(budget)
    if learning_rate is not None:
        wanted = at_rate(wanted, learning_rate)
    files = Run(folder).report, Run(folder).checkpoint
    begins = load_method(method).trained and not any(path.exists() for path in files)
    if begins and progress and (note := precision_note(wanted, running)):
        say_aside(note)
    # Under torchrun one process writes for all.
    held = holding(folder) if World.of_environment().leads else nullcontext()
    with held, progress_bar(f"Training {method}", "steps", shown=progress) as update:
        run_training(
            open_set(faces),
            method,
            wanted,
            folder,
            seed=seed,
            reference_list=references_from,
            scale=scale,
            running=running,
            progress=update,
        )
    return Run(folder)


def evaluate(
    method: str | Path | nn.Module,
    faces: FaceRef | str | Path,
    *,
    weights: Run | str | Path | None = None,
    name: str | None = None,
    task: str | None = None,
    split: str = "test",
    references: int = 5,
    reference_list: str = "refs_lr",
    oracle: bool = False,
    limit: int | None = None,
    metrics: str | Sequence[str] = (),
    embedder: str = "dlib",
    pack: str | Path | None = None,
    device: str = "cpu",
    results: str | Path | None = "results",
    progress: bool = True,
) -> Result:
    """Score a method on a split, image by image.

    Args:
        method: The name of a method; a torch module with `forward(lr, refs)`, see
            `benchmark.Method`, or `forward(lr)`; a folder of predictions, `<image_id>.png` for each
            face of the split, 128x128 in 8-bit RGB; or weights of an x8 network that the package
            spandrel knows, `.safetensors` or `.pth`.
        faces: A Face_Ref, or its folder.
        weights: Of a method by name: what `train` gave, the folder of a training, or exported
            weights.
        name: What the leaderboard calls a module, predictions or a network from elsewhere.
        task: See `describe_protocol`; None: that of the set's source, else `folder-x8@1`.
        split: `test` or `val`.
        references: References (K) given to methods that use any, 0 to 64. Lists hold 8 by default:
            more `refs_lr` are searched for where lists by appearance are shorter than K; beyond 8,
            all of them are.
        reference_list: `refs_lr`, found with the LR face; `refs_hr`, found with the HR face;
            `both`, in turn; or `random`, drawn from train.
        oracle: Give the HR face itself as the only reference: a check, on no leaderboard.
        limit: Score that many faces, evenly spaced; None: all.
        metrics: More metrics than the four of every result, such as `lpips_alex` or `identity`.
        embedder: For `identity`, `landmarks` and `usage`: `dlib` or `insightface`, other than the
            one that mined.
        pack: insightface model pack.
        device: `cpu` or `cuda`.
        results: Folder to write the result file to; None writes none.
        progress: Show a progress bar.

    Returns:
        The result: `means`, and `scores` of each image, by metric.

    Raises:
        FaceRefError: For an unknown method, weights of another method, missing or wrong
            predictions, or a metric that lacks what it needs; before anything is scored, where
            `results` holds that run with other weights, or on another set, split or more faces.

    Example:
        >>> import benchmark
        >>> result = benchmark.evaluate("bicubic", "face_ref")
        >>> sorted(result.means)
        ['psnr_rgb', 'psnr_y', 'ssim_rgb', 'ssim_y']
        >>> import torch
        >>> class Bigger(torch.nn.Module):
        ...     def forward(self, lr):
        ...         return torch.nn.functional.interpolate(lr, scale_factor=8)
        >>> benchmark.evaluate(Bigger(), "face_ref", name="nearest_pixel").method
        'nearest_pixel'
    """
    from benchmark.evaluation.setting import Setting, default_task, need_source
    from benchmark.results import files
    from benchmark.results.replacing import need_replaceable
    from faceref.outputs.writable import need_folder

    face_ref = open_set(faces)
    need_choice("split", split, ("test", "val"))
    count = need_whole("--references", references, 0, MOST_REFERENCES)
    limit = None if limit is None else need_whole("--limit", limit, 1)
    asked = task or default_task(face_ref)
    need_source(face_ref, asked)
    setting = Setting(asked, split, count, reference_list, oracle, limit)
    check = None
    if results is not None:
        need_folder(as_path(results), "--results")
        need_folder(as_path(results) / (name or ""), "--name")
        check = partial(need_replaceable, folder=as_path(results))
    extra = _extra_metrics(face_ref, metrics, embedder, pack, device)
    label = name or (method if isinstance(method, str) else type(method).__name__)
    with progress_bar(f"Scoring {label}", "faces", shown=progress) as update:
        how = {"device": device, "extras": extra, "progress": update, "check": check}
        found = _score(method, face_ref, setting, weights, name, how)
    if results is not None:
        found = files.with_older_metrics(found, as_path(results))
        need_replaceable(found, as_path(results))  # Another process may have written meanwhile.
        files.write(found, as_path(results))
    return found


def _score(
    method: str | Path | nn.Module,
    faces: FaceRef,
    setting: Setting,
    weights: Run | str | Path | None,
    name: str | None,
    how: dict[str, Any],
) -> Result:
    """The result of whatever kind of thing `method` is; `how`: what all of them are given."""
    from benchmark.evaluation.evaluate import evaluate as score_method
    from benchmark.evaluation.predictions import evaluate_predictions
    from benchmark.evaluation.spandrel import SUFFIXES, evaluate_spandrel
    from benchmark.methods.registry import is_method

    if not isinstance(method, (str, Path)):
        _need_no_weights(weights)
        return _score_module(method, faces, _need_name(name), setting, how)
    path = as_path(method)
    if path.suffix in SUFFIXES and not os.path.isdir(path):
        _need_no_weights(weights)
        return evaluate_spandrel(faces, path, _need_name(name), setting, **how)
    # A run may lie in a folder that is named as its method.
    named = isinstance(method, str) and len(path.parts) == 1
    if not named or (os.path.isdir(path) and not is_method(str(method))):
        _need_no_weights(weights)
        made = {key: how[key] for key in ("extras", "check")}
        return evaluate_predictions(faces, path, _need_name(name), setting, **made)
    if name:
        raise FaceRefError(
            f"{method} has its own name on the leaderboard, which {name!r} cannot change. Leave "
            "the name out."
        )
    run = None if weights is None else as_path(weights)
    return score_method(faces, str(method), setting, run=run, **how)


def _score_module(
    module: nn.Module,
    faces: FaceRef,
    name: str,
    setting: Setting,
    how: dict[str, Any],
) -> Result:
    """The result of a torch module; one whose `forward` takes the LR face alone gets no reference.

    It is scored in evaluation mode, and left in the mode that it was in.
    """
    from benchmark.evaluation.evaluate import score_model
    from benchmark.evaluation.record import MethodRecord
    from benchmark.methods.model import as_method, given_count
    from benchmark.methods.registry import need_free_name

    need_free_name(name)
    called = as_method(module)
    count = given_count(called, 1 if setting.oracle else setting.references)
    was_training = module.training
    try:
        return score_model(called.eval(), MethodRecord(name, name), faces, setting, count, **how)
    finally:
        module.train(was_training)


def _need_no_weights(weights: Run | str | Path | None) -> None:
    if weights is not None:
        raise FaceRefError(
            f"weights={str(weights)!r} are for a method by its name. A module has its own, and "
            "predictions need none: leave them out."
        )


def _need_name(name: str | None) -> str:
    if not name:
        raise FaceRefError(
            "What shall the leaderboard call it? Give a name: name='mine', or --name mine."
        )
    return name


def _extra_metrics(
    faces: FaceRef,
    metrics: str | Sequence[str],
    embedder: str,
    pack: str | Path | None,
    device: str,
) -> ExtraMetrics | None:
    if not metrics:
        return None
    from benchmark.evaluation.extra_metrics import open_for

    named = None if pack is None else str(pack)
    return open_for(faces, joined(metrics), embedder, named, device)
