"""Training: the same budget for every method, a checkpoint to go on from, val chooses the weights.

Of the test split ids and hashes are read, to name the data, and no image.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmark.data.faces import read_split
from benchmark.methods.checks import need_working
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method, need_scale
from benchmark.methods.source import source_digest
from benchmark.protocol.budgets import TRAINING_LIST, Budget
from benchmark.protocol.tasks import SCALE
from benchmark.training.distributed import World
from benchmark.training.run import (
    METHOD_CODE,
    REFERENCES,
    Run,
    seen_references,
    training_settings,
)
from benchmark.training.trainer import Trainer
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import archived_from, data_revision
from faceref.errors import FaceRefError
from faceref.hardware import choose_precision, open_device


@dataclass(frozen=True)
class Running:
    """How a training runs: nothing here changes what it is."""

    device: str = "cpu"
    compiled: bool = False
    """By `torch.compile`; on a GPU with CUDA graphs."""
    log: Path | None = None
    """Folder for TensorBoard."""
    until: float | None = None
    """`time.monotonic()` by which to stop with a checkpoint; None: never."""
    precision: str = "auto"
    """`bf16`, `fp32`, or `auto`: what the budget says, but fp32 where the device would only imitate
    bf16. A training that is taken up keeps the one it began with."""


def train(
    face_ref: FaceRef,
    method_name: str,
    budget: Budget,
    out: str | Path,
    *,
    seed: int = 0,
    reference_list: str = TRAINING_LIST,
    scale: int = SCALE,
    running: Running = Running(),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a method on the train split; called again after an interruption it goes on.

    It then ends with the weights that it would have had. Under `torchrun` the processes share each
    batch.

    Args:
        face_ref: The opened set. Of its test split no image is opened.
        method_name: See `benchmark.methods.registry.method_names`.
        budget: How much training, see `benchmark.protocol.budgets.budget`.
        out: Folder of the run: checkpoint, chosen weights and report.
        seed: Of weights, batches and references.
        reference_list: What references are drawn from, one of `benchmark.data.faces.LISTS`.
        scale: By how much LR faces are smaller.
        running: Device, precision, time limit and so on.
        progress: Called with steps done, steps in all, and the state in words.

    Returns:
        The content of `training.json`: settings, curves, and the SHA-256 of the weights.

    Raises:
        FaceRefError: For a method without parameters or of another scale, or an `out` that holds
            another run.
        TimeUp: Where `running.until` came first; the checkpoint is written.
    """
    out = Path(out)
    method = load_method(method_name)
    world = World.of_environment()
    _need_trainable(method, face_ref, world)
    need_scale(method, scale)
    lists = reads_lists(method)
    _need_lists(method, lists, reference_list)
    world.need_shares(budget.batch_size)
    target = world.device(open_device(running.device))
    run = Run(out)
    run.prepare()
    settings = training_settings(method.name, budget, seed, reference_list, scale)
    settings["data_revision"] = data_revision(face_ref)
    if (original := archived_from(face_ref)) is not None:
        settings["archived_from"] = original
    settings[METHOD_CODE] = source_digest(method)
    if lists:
        settings[REFERENCES] = seen_references(face_ref, reference_list)
    if (report := run.finished(settings)) is not None:
        _need_precision(running.precision, report.get("precision", budget.precision), out)
        return report
    with world.joined(target):
        precision = precision_of(budget, running.precision, target)
        trainer = Trainer(method, budget, seed, target, run, settings, world, precision)
        if not trainer.resume():
            need_working(method, trainer.model, scale, target)
        _need_precision(running.precision, trainer.state.precision, out)
        trainer.prepare(running.compiled, running.log, running.until)
        faces = read_split(face_ref, "train", reference_list, scale=scale)
        val = read_split(face_ref, "val", reference_list, scale=scale)
        trainer.fit(faces, val, progress)
        report = trainer.finish()
        del trainer  # It holds the process group.
    return report


def reads_lists(method: Method) -> bool:
    """Whether a method trains on references of lists, not on other faces of each batch."""
    return method.uses_references and not hasattr(method.build(), "training_outputs")


def _need_lists(method: Method, lists: bool, reference_list: str) -> None:
    if method.uses_references and not lists and reference_list != TRAINING_LIST:
        raise FaceRefError(
            f"{method.name} is trained with other faces of each batch as references, so "
            f"{reference_list!r} makes no difference. Leave --references-from out, or train a "
            "method that is given references, such as ttsr_s."
        )


def precision_of(budget: Budget, asked: str, device: torch.device) -> str:
    """`bf16` or `fp32`: what a training of `budget` is computed in; see `Running.precision`.

    Raises FaceRefError for an unknown `asked`.
    """
    chosen = choose_precision(asked, device)
    return budget.precision if asked == "auto" and chosen == "bf16" else chosen


def precision_note(budget: Budget, running: Running) -> str:
    """A note for whoever asks for bf16 where it is not computed natively; empty otherwise."""
    device = open_device(running.device)
    if (budget.precision, precision_of(budget, running.precision, device)) != ("bf16", "fp32"):
        return ""
    if running.precision == "fp32":
        return ""
    return (
        f"Budget {budget.name} trains in bf16, which this {device.type} would only imitate, ten "
        "times slower. What begins here is trained in float32, and results say so; "
        "facebench train --precision bf16 insists."
    )


def _need_precision(asked: str, found: str, out: Path) -> None:
    if asked not in ("auto", found):
        raise FaceRefError(
            f"{out} holds a training in {found}, and --precision {asked} was given. Go on with "
            "auto, or choose another --out."
        )


def _need_trainable(method: Method, face_ref: FaceRef, world: World) -> None:
    if not method.trained:
        raise FaceRefError(
            f"{method.name} has nothing to train. Evaluate it: facebench evaluate {face_ref.root} "
            f"--method {method.name}"
        )
    if world.size > 1 and method.criterion is not None:
        raise FaceRefError(
            f"{method.name} trains its loss, too, which {world.size} processes cannot share. "
            "Train it in one: without torchrun."
        )
