"""The training loop, as it is and compiled."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.batches import Loader
from benchmark.data.faces import read_split
from benchmark.methods.registry import load_method
from benchmark.protocol.budgets import budget
from benchmark.training.run import Run
from benchmark.training.train import Running, train
from benchmark.training.trainer import Trainer
from faceref.dataset.face_ref import FaceRef
from faceref.hardware import open_device
from tests.speed.devices.task import Found, Task, faults_of, rate

RATE = 3e-4
"""Peak of the learning rate after warm-up: low enough for losses to fall from the first steps."""
AT_FIRST = 8
"""Losses at the beginning, and at the end, that are compared."""
APART = 0.05
"""How far a loss may lie from that of the loop that is not compiled, as a share of it."""


def training(task: Task) -> Found:
    """Steps of the training loop on one batch, then a training that is taken up again."""
    faces = FaceRef.open(task.face_ref)
    names = task.of(("srcnn",), ("edsr", "msrnet"))
    numbers: dict[str, Any] = {}
    faults = []
    for name in names:
        for precision in task.of(("fp32",), ("bf16", "fp32")):
            steps = Steps.begun(name, faces, task, task.folder / f"{name}_{precision}", precision)
            found, wrong = steps.timed(task)
            numbers[f"{name}_{precision}"] = found
            faults += [f"{name} in {precision}: {fault}" for fault in wrong]
    numbers["taken_up"] = _taken_up(faces, names[0], task)
    return Found(numbers, faults)


@dataclass
class Steps:
    """A training of one batch again and again."""

    trainer: Trainer
    loader: Loader
    losses: list[float] = field(default_factory=list)

    @classmethod
    def begun(
        cls,
        name: str,
        faces: FaceRef,
        task: Task,
        out: Path,
        precision: str,
        compiled: bool = False,
    ) -> Steps:
        """A method with the batches of a budget; `out` is for its checkpoint."""
        size = task.of(2, 16)
        chosen = replace(
            budget("small"),
            samples=10**6,
            batch_size=size,
            learning_rate=RATE,
            warmup=20,
            flip=False,
        )
        where = open_device(task.device)
        trainer = Trainer(load_method(name), chosen, 0, where, Run(out), {}, precision=precision)
        trainer.prepare(compiled, None, None)
        rows = list(range(chosen.batch_size))
        batch = read_split(faces, "train", "both").take(rows)
        return cls(trainer, Loader(batch, chosen, 0, where, counts=trainer.counts))

    def step(self) -> None:
        """One step."""
        self.losses.append(self.trainer.step(self.loader))
        self.trainer.state.step += 1

    def timed(self, task: Task) -> tuple[dict[str, Any], list[str]]:
        """Images a second after the first steps; faults where the loss does not fall."""
        # Each number of references that is drawn may be compiled, or recorded, by itself.
        for _ in range(task.of(AT_FIRST, 60)):
            self.step()
        size, stalled = self.trainer.budget.batch_size, self.loader.stall
        start = time.perf_counter()
        speed = rate(self.step, size, task.seconds)
        waited = (self.loader.stall - stalled) / (time.perf_counter() - start)
        self.loader.close()
        begun, ended = (
            float(np.mean(part)) for part in (self.losses[:AT_FIRST], self.losses[-AT_FIRST:])
        )
        numbers = {
            "images_per_second": speed,
            "batch_size": size,
            "steps": len(self.losses),
            "loss": [round(begun, 5), round(ended, 5)],
            "waited": round(waited, 4),
        }
        # What makes its own references draws a new world for each batch.
        falls = ended < begun or self.trainer.own_outputs
        wrong = f"the loss went from {begun:.4f} to {ended:.4f}"
        return numbers, faults_of((math.isfinite(ended) and falls, wrong))


def _taken_up(faces: FaceRef, name: str, task: Task) -> dict[str, Any]:
    """A training that ends early and is taken up from its checkpoint."""
    samples, size = task.of((8, 2), (96, 8))
    chosen = replace(budget("debug"), samples=samples, batch_size=size)
    out, running = task.folder / "taken_up", Running(task.device)

    def interrupt(done: int, _all: int, _text: str = "") -> None:
        if done > chosen.steps // 2:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        train(faces, name, chosen, out, running=running, progress=interrupt)
    report = train(faces, name, chosen, out, running=running)
    names = ("steps", "val_psnr_y", "precision", "peak_memory_mib", "hardware")
    return {key: report[key] for key in names}


def compiled(task: Task) -> Found:
    """Training compiled, on a card with CUDA graphs, against the same that is not."""
    return _compiled(task.of("srcnn", "edsr"), task)


def compiled_with_references(task: Task) -> Found:
    """The same where each batch has another number of references."""
    return _compiled(task.of("srcnn", "msrnet"), task)


def _compiled(name: str, task: Task) -> Found:
    faces = FaceRef.open(task.face_ref)
    counted = _counters()
    counted.clear()
    sides = {}
    faults: list[str] = []
    numbers: dict[str, Any] = {"method": name}
    for side, of_it in (("plain", False), ("compiled", True)):
        precision = task.of("fp32", "bf16")
        steps = Steps.begun(name, faces, task, task.folder / name, precision, of_it)
        start = time.perf_counter()
        numbers[side], wrong = steps.timed(task)
        numbers[side]["seconds"] = round(time.perf_counter() - start, 1)
        faults += [f"{side}: {fault}" for fault in wrong]
        sides[side] = steps.losses[:AT_FIRST]
    speeds = [numbers[side]["images_per_second"] for side in sides]
    far = max(abs(a - b) / a for a, b in zip(sides["plain"], sides["compiled"], strict=True))
    numbers["ratio"] = round(speeds[1] / speeds[0], 3)
    numbers["losses_apart"] = round(far, 5)
    skips = int(counted["inductor"]["cudagraph_skips"])
    numbers["cudagraph_skips"] = skips
    numbers["graph_breaks"] = int(sum(counted["graph_break"].values()))
    numbers["cudagraphs"] = _recorded() if task.device == "cuda" else None
    faults += faults_of(
        (far <= APART, f"losses are {far:.1%} apart"),
        (skips == 0, f"CUDA graphs were passed over {skips} times"),
        (numbers["cudagraphs"] != 0, "no CUDA graph was recorded"),
    )
    return Found(numbers, faults)


def _counters() -> Any:
    from torch._dynamo.utils import counters

    return counters


def _recorded() -> int | None:
    """CUDA graphs recorded so far; None where this torch does not say."""
    try:
        from torch._inductor.cudagraph_trees import get_manager

        manager = get_manager(0, create_if_none_exists=False)
        return 0 if manager is None else next(manager.graph_counter)
    except (ImportError, AttributeError):
        return None
