"""Training: the same budget for every method, a checkpoint to go on from, val chooses the weights.

The test split is not opened here.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.data import Faces, open_face_ref, read_split, training_batch
from benchmark.devices import hardware, open_device, versions
from benchmark.methods import Method, load
from benchmark.metrics.colour import luma
from benchmark.metrics.psnr import psnr
from benchmark.metrics.score import to_uint8
from benchmark.protocol import Budget
from benchmark.run import Run, data_revision, file_sha256, save, write_json
from faceref.errors import FaceRefError

SAVE_SECONDS = 60.0
TRAINING_LIST = "both"
"""References are drawn from both lists, so that one network can be tested with either."""

Progress = Callable[[int, int, str], None]
"""Told steps done, steps in all, and a line about the state."""


@dataclass
class State:
    """Where a training stands."""

    step: int = 0
    best_psnr: float = -math.inf
    best_step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    """Mean loss since the validation before."""
    curve: list[list[float]] = field(default_factory=list)
    """[step, PSNR-Y on val in dB] of each validation."""


def learning_rate(budget: Budget, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, ICLR 2017)."""
    if step < budget.warmup:
        return budget.learning_rate * (step + 1) / budget.warmup
    share = (step - budget.warmup) / max(1, budget.steps - budget.warmup)
    return budget.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def train(
    face_ref: Path,
    method_name: str,
    budget: Budget,
    out: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a method on the train split of `face_ref`; returns the content of `training.json`.

    Called again after an interruption it goes on, and ends with the weights that it would have had.
    Raises FaceRefError for a method without parameters, or an `out` of another run.
    """
    method = load(method_name)
    if not method.trained:
        raise FaceRefError(
            f"{method.name} has nothing to train. Evaluate it: facebench evaluate {face_ref} "
            f"--method {method.name}"
        )
    target = open_device(device)
    run = Run(out)
    run.prepare()
    opened, pool = open_face_ref(face_ref)
    settings = {
        "method": method.name,
        "budget": asdict(budget),
        "seed": seed,
        "data_revision": data_revision(opened),
    }
    trainer = Trainer(method, budget, seed, target, run, settings)
    trainer.resume()
    if trainer.state.step < budget.steps:
        faces = read_split(opened, "train", pool, TRAINING_LIST)
        trainer.fit(faces, read_split(opened, "val", pool, TRAINING_LIST), progress)
    return trainer.finish()


class Trainer:
    """One training in memory."""

    def __init__(
        self,
        method: Method,
        budget: Budget,
        seed: int,
        device: torch.device,
        run: Run,
        settings: dict[str, Any],
    ) -> None:
        torch.manual_seed(seed)
        self.method, self.budget, self.seed, self.device = method, budget, seed, device
        self.run, self.settings, self.state = run, settings, State()
        self.model = method.build().to(device)
        self.criterion = (method.criterion or nn.L1Loss)().to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.0)

    def resume(self) -> None:
        """Take up the checkpoint of the run, if there is one."""
        saved = self.run.resume(self.settings)
        if saved is not None:
            self.model.load_state_dict(saved["model"])
            self.criterion.load_state_dict(saved.get("criterion", {}))
            self.optimiser.load_state_dict(saved["optimiser"])
            self.state = State(**saved["state"])

    def save(self) -> None:
        """Write the checkpoint."""
        content = {
            "settings": json.dumps(self.settings),
            "model": self.model.state_dict(),
            "criterion": self.criterion.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": asdict(self.state),
        }
        save(content, self.run.checkpoint)

    def fit(self, train: Faces, val: Faces, progress: Progress | None) -> None:
        """Train from where the state stands to the end of the budget."""
        start = saved = time.monotonic()
        before, recent = self.state.seconds, []
        checks = validation_steps(self.budget)
        while self.state.step < self.budget.steps:
            recent.append(self.step(train))
            self.state.step += 1
            now = time.monotonic()
            self.state.seconds = before + now - start
            if self.state.step in checks:
                self.validate(val, float(np.mean(recent)))
                recent = []
            if self.state.step in checks or now - saved > SAVE_SECONDS:
                self.save()
                saved = now
            if progress:
                progress(self.state.step, self.budget.steps, self.describe(recent))

    def step(self, faces: Faces) -> float:
        """One optimiser step; returns its loss."""
        self.model.train()
        batch = training_batch(
            faces, self.budget, self.seed, self.state.step, self.method.uses_references
        )
        lr, refs, hr = (images.to(self.device) for images in batch)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.budget, self.state.step)
        with self.autocast():
            output = self.model(lr, refs)
        loss = self.criterion(output.float(), hr)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return _finite(loss.item(), self.state.step)

    def autocast(self) -> torch.autocast:
        """bf16 autocast where the budget says so."""
        enabled = self.budget.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def validate(self, val: Faces, loss: float) -> None:
        """Score val; keep the weights if they are the best so far."""
        score = self.score(val)
        self.state.losses.append(round(loss, 6))
        self.state.curve.append([self.state.step, round(score, 4)])
        if score > self.state.best_psnr or self.method.criterion is not None:
            self.state.best_psnr, self.state.best_step = score, self.state.step
            save(self.model.state_dict(), self.run.best)

    def score(self, val: Faces) -> float:
        """Mean PSNR-Y in dB over the budget's share of val."""
        self.model.eval()
        faces = min(self.budget.validation_faces, len(val))
        rows = np.linspace(0, len(val) - 1, faces).round().astype(int)
        count = self.budget.max_references if self.method.uses_references else 0
        scores = []
        for start in range(0, faces, self.budget.batch_size):
            chunk = rows[start : start + self.budget.batch_size].tolist()
            lr, refs, _ = val.batch(chunk, count)
            with torch.no_grad(), self.autocast():
                output = self.model(lr.to(self.device), refs.to(self.device))
            images = to_uint8(output.float().cpu().numpy())
            pairs = zip(images, val.hr[chunk], strict=True)
            scores += [psnr(luma(image), luma(target)) for image, target in pairs]
        return float(np.mean(scores))

    def describe(self, recent: list[float]) -> str:
        """The state in a few words."""
        loss = f"L1 {np.mean(recent[-50:]):.4f}" if recent else ""
        found = f"val {self.state.curve[-1][1]:.2f} dB" if self.state.curve else ""
        return f"{loss} {found}".strip()

    def finish(self) -> dict[str, Any]:
        """Write and return `training.json`."""
        report = {
            **self.settings,
            "steps": self.state.step,
            "seconds": round(self.state.seconds, 1),
            "best_step": self.state.best_step,
            "val_psnr_y": round(self.state.best_psnr, 4),
            "val_curve": self.state.curve,
            "losses": self.state.losses,
            "weights_sha256": file_sha256(self.run.best),
            "hardware": hardware(self.device),
            "versions": versions(),
        }
        write_json(report, self.run.report)
        return report


def validation_steps(budget: Budget) -> frozenset[int]:
    """The steps after which val is scored."""
    count = min(budget.validations, budget.steps)
    return frozenset(round(budget.steps * (k + 1) / count) for k in range(count))


def _finite(loss: float, step: int) -> float:
    if not math.isfinite(loss):
        raise FaceRefError(
            f"The loss is {loss} at step {step}: the training diverged. "
            "Lower the budget's learning rate or use precision fp32."
        )
    return loss
