"""One training in memory: steps, validation, checkpoints."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.batches import Batch, Loader
from benchmark.data.faces import Faces
from benchmark.methods.method import Method
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import to_uint8
from benchmark.protocol.budgets import Budget
from benchmark.training.cost import peak_memory_mib
from benchmark.training.distributed import World
from benchmark.training.diverged import DivergedError
from benchmark.training.export import need_fit
from benchmark.training.log import Curves, line
from benchmark.training.run import DIGESTS, Run, save
from benchmark.training.schedule import learning_rate, validation_steps
from faceref.console import Progress
from faceref.errors import FaceRefError
from faceref.files import file_sha256, write_json
from faceref.hardware import hardware, versions
from faceref.reading.boundary import reading

SAVE_SECONDS = 60.0
MARGIN_SECONDS = 3.0
"""Kept back of a limited time, for the last step and the checkpoint."""

_OTHER_CODE = (
    "The code of the method was changed since: go back to it, or train anew in another folder."
)


class TimeUp(Exception):
    """The time that was given is over; the checkpoint is written, and training can go on."""


@dataclass
class State:
    """How far a training is."""

    step: int = 0
    best_psnr: float = -math.inf
    best_step: int = 0
    seconds: float = 0.0
    """That steps have taken."""
    losses: list[float] = field(default_factory=list)
    """Mean loss since the validation before."""
    curve: list[list[float]] = field(default_factory=list)
    """[step, PSNR-Y on val in dB] of each validation."""
    recent: list[float] = field(default_factory=list)
    """Losses since the last validation."""
    stall: float = 0.0
    """Seconds that steps have waited for their batch."""
    validating: float = 0.0
    """Seconds that went into validation and saving, beside `seconds`."""
    precision: str = "bf16"
    """What the steps are computed in: `bf16` (autocast) or `fp32`."""


class OwnOutputs(nn.Module):
    """Calls a network for the outputs that it is trained on, as the network itself is called."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, lr: Tensor, hr: Tensor, people: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Outputs of one batch; see `benchmark.methods.method.Method`."""
        return self.model.training_outputs(lr, hr, people)  # pyright: ignore[reportCallIssue]


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
        world: World = World(),
        precision: str | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self.method, self.budget, self.seed, self.device = method, budget, seed, device
        self.run, self.settings, self.world = run, settings, world
        self.state = State(precision=precision or budget.precision)
        model = method.build().to(device)
        # Convolutions of bf16 run 1.2 to 1.5 times as fast so, on CPUs as on GPUs.
        self.model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.criterion = (method.criterion or nn.L1Loss)().to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.0)
        self.own_outputs = hasattr(self.model, "training_outputs")
        self.called: nn.Module = OwnOutputs(self.model) if self.own_outputs else self.model
        self.curves, self.until = Curves(None), None

    def resume(self) -> bool:
        """Take up the checkpoint of the run, if there is one; returns whether there is.

        What is said of source and references stays what it was when the training began.
        """
        saved = self.run.resume(self.settings)
        if saved is None:
            return False
        begun = {name: saved["settings"][name] for name in DIGESTS if name in saved["settings"]}
        now = {name: value for name, value in self.settings.items() if name not in DIGESTS}
        self.settings = now | begun
        with reading(self.run.checkpoint, "Delete it: training then begins anew."):
            need_fit(self.method.name, self.model, saved["model"], self.run.checkpoint, _OTHER_CODE)
            self.model.load_state_dict(saved["model"])
            self.criterion.load_state_dict(saved["criterion"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.state = State(**saved["state"])
            torch.set_rng_state(saved["random"])
            if self.device.type == "cuda" and "random_cuda" in saved:
                torch.cuda.set_rng_state(saved["random_cuda"], self.device)
        return True

    def prepare(self, compiled: bool, log: Path | None, until: float | None) -> None:
        """Make ready to train; see `benchmark.training.train.Running`."""
        self.called = self.world.wrap(self.called)
        if compiled:
            _need_compiler(self.device)
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"
            self.called = torch.compile(self.called, mode=mode)  # pyright: ignore
        self.curves, self.until = Curves(log if self.world.leads else None), until

    def save(self) -> None:
        """Write the checkpoint: all that the steps to come depend on."""
        if not self.world.leads:
            return
        content = {
            "settings": json.dumps(self.settings),
            "model": self.model.state_dict(),
            "criterion": self.criterion.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": asdict(self.state),
            "random": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            content["random_cuda"] = torch.cuda.get_rng_state(self.device)
        save(content, self.run.checkpoint)

    @property
    def counts(self) -> range:
        """Numbers of references that a batch may have; a network's own outputs need none."""
        return range(1) if self.own_outputs else self.method.counts(self.budget.max_references)

    def fit(self, train: Faces, val: Faces, progress: Progress | None) -> None:
        """Train from the step of the state to the end of the budget."""
        loader = Loader(
            train,
            self.budget,
            self.seed,
            self.device,
            counts=self.counts,
            share=(self.world.rank, self.world.size),
        )
        try:
            self._steps(loader, val, progress)
        finally:
            loader.close()
            self.curves.close()

    def _steps(self, loader: Loader, val: Faces, progress: Progress | None) -> None:
        clock = saved = time.monotonic()
        first, before, stalled = self.state.step, self.state.seconds, self.state.stall
        checks = validation_steps(self.budget)
        while self.state.step < self.budget.steps:
            made = self.state.step - first
            mean = (self.state.seconds - before) / made if made else self._step_seconds
            check = self._check_seconds(val) if self.state.step + 1 in checks else 0.0
            self._stop_in_time(mean + check, made)
            self.state.recent.append(self.step(loader))
            self.state.step += 1
            self.state.stall = stalled + loader.stall
            now = time.monotonic()
            self.state.seconds += now - clock
            clock = now
            if self.state.step in checks:
                self.validate(val)
            if self.state.step in checks or now - saved > SAVE_SECONDS:
                self.save()
                clock = saved = time.monotonic()
                self.state.validating += saved - now
            if progress and self.world.leads:
                progress(self.state.step, self.budget.steps, self.describe())

    @property
    def _step_seconds(self) -> float:
        """Mean of all steps so far; 0 before the first."""
        return self.state.seconds / max(1, self.state.step)

    def _check_seconds(self, val: Faces) -> float:
        """What a validation took so far, with its checkpoint.

        Before the first: as many whole steps as it has batches, which is more, as it has no
        backward pass; it runs in one process alone.
        """
        state = self.state
        if state.curve:
            return state.validating / len(state.curve)
        batches = math.ceil(self._faces_scored(val) / self.budget.batch_size)
        return self.world.size * batches * self._step_seconds

    def _stop_in_time(self, seconds: float, made: int) -> None:
        """Stop where the next step needs more than is left; `made`: steps since the start."""
        if self.until is None:
            return
        late = time.monotonic() + seconds + MARGIN_SECONDS > self.until
        if self.world.any(late, self.device):
            self.save()
            reached = f"{self.state.step} of {self.budget.steps} steps of {self.method.name}"
            if not made:
                needed = seconds + MARGIN_SECONDS
                reached += f", none of them now: the next takes some {needed:.0f} s"
            raise TimeUp(reached)

    def step(self, loader: Loader) -> float:
        """One optimiser step; returns its loss, the mean over all processes."""
        self.model.train()
        batch, people = loader.with_people(self.state.step)
        rate = learning_rate(self.budget, self.state.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self._loss(batch, people)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        found = self.world.mean(loss.detach()).item()
        self._need_finite(found)
        self.curves.add(self.state.step, loss=found, learning_rate=rate)
        return found

    def _need_finite(self, loss: float) -> None:
        if math.isfinite(loss):
            return
        less = " or --precision fp32" if self.state.precision == "bf16" else ""
        raise DivergedError(
            f"The loss is {loss} at step {self.state.step}: the training diverged. Give a lower "
            f"--learning-rate{less}."
        )

    def _loss(self, batch: Batch, people: Tensor) -> Tensor:
        lr, refs, hr = batch
        lr = lr.contiguous(memory_format=torch.channels_last)
        with self.autocast():
            if self.own_outputs:
                pairs = self.called(lr, hr, people.to(self.device))
            else:
                pairs = [(self.called(lr, refs), hr)]
        losses = [self.criterion(output.float(), wanted) for output, wanted in pairs]
        return torch.stack(losses).sum()

    def autocast(self) -> torch.autocast:
        """bf16 autocast, or none."""
        enabled = self.state.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def validate(self, val: Faces) -> None:
        """Score val; keep the weights if they are the best so far."""
        self.state.losses.append(round(float(np.mean(self.state.recent)), 6))
        self.state.recent = []
        if not self.world.leads:
            return
        score = self.score(val)
        self.state.curve.append([self.state.step, round(score, 4)])
        self.curves.add(self.state.step, val_psnr_y=score, images_per_second=self.speed)
        if score > self.state.best_psnr or self.method.criterion is not None:
            self.state.best_psnr, self.state.best_step = score, self.state.step
            save(_contiguous(self.model.state_dict()), self.run.best)

    def _faces_scored(self, val: Faces) -> int:
        return min(self.budget.validation_faces, len(val))

    def score(self, val: Faces) -> float:
        """Mean PSNR-Y in dB over the budget's share of val."""
        model = self.model.eval()
        faces = self._faces_scored(val)
        rows = np.linspace(0, len(val) - 1, faces).round().astype(int)
        count = self.method.given(self.budget.max_references)
        scores = []
        for start in range(0, faces, self.budget.batch_size):
            chunk = rows[start : start + self.budget.batch_size].tolist()
            lr, refs, _ = val.batch(chunk, count)
            with torch.no_grad(), self.autocast():
                output = model(lr.to(self.device), refs.to(self.device))
            images = to_uint8(output.float().cpu().numpy())
            scores += score_batch(images, val.hr[chunk])["psnr_y"].tolist()
        return float(np.mean(scores))

    @property
    def speed(self) -> float:
        """Training images a second, validation apart."""
        return self.state.step * self.budget.batch_size / max(self.state.seconds, 1e-9)

    def describe(self) -> str:
        """The state in a few words."""
        state = self.state
        loss = float(np.mean(state.recent[-50:])) if state.recent else None
        each = (state.seconds + state.validating) / max(1, state.step)
        val = state.curve[-1][1] if state.curve else None
        left = (self.budget.steps - state.step) * each
        return line(loss, self.speed, left, self.stall_share, val)

    @property
    def stall_share(self) -> float:
        """Share of the training time that steps have waited for their batch."""
        return self.state.stall / max(self.state.seconds, 1e-9)

    def finish(self) -> dict[str, Any]:
        """Write and return `training.json`."""
        report = {
            **self.settings,
            "steps": self.state.step,
            "seconds": round(self.state.seconds + self.state.validating, 1),
            "images_per_second": round(self.speed, 1),
            "stall_share": round(self.stall_share, 4),
            "peak_memory_mib": peak_memory_mib(self.device),
            "processes": self.world.size,
            "precision": self.state.precision,
            "best_step": self.state.best_step,
            "val_psnr_y": round(self.state.best_psnr, 4),
            "val_curve": self.state.curve,
            "losses": self.state.losses,
            "weights_sha256": file_sha256(self.run.best) if self.world.leads else "",
            "hardware": hardware(self.device),
            "versions": versions(),
        }
        if self.world.leads:
            write_json(self.run.report, report)
        return report


def _contiguous(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in the usual order of memory: a file does not show how they were computed."""
    return {
        name: value.contiguous() if isinstance(value, Tensor) else value
        for name, value in weights.items()
    }


def _need_compiler(device: torch.device) -> None:
    """Raise FaceRefError where what torch.compile writes cannot be compiled.

    That is C++ for a CPU; for a GPU the C that starts Triton's kernels.
    """
    language, variable, usual = ("C++", "CXX", ("g++",))
    if device.type == "cuda":
        language, variable, usual = ("C", "CC", ("gcc", "clang"))
    named = [os.environ[variable]] if variable in os.environ else usual
    if not any(shutil.which(name) for name in named):
        raise FaceRefError(
            f"--compile needs a {language} compiler, and {named[0]!r} is not there. Install one "
            f"(apt install {usual[0]}), name it in {variable}, or leave --compile out."
        )
