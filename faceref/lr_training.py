"""Training of the small-face encoder: train split only, val chooses the epoch."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from faceref.lr_encoder import LrEncoder, as_images, embed_lr, save, standardise

Progress = Callable[[int, int], None]
"""Told epochs done and epochs in all."""


@dataclass(frozen=True)
class Schedule:
    """How the encoder is trained."""

    epochs: int = 24
    batch_size: int = 128
    learning_rate: float = 2e-3
    """Peak of AdamW's one-cycle schedule."""
    weight_decay: float = 0.05
    temperature: float = 0.07
    """Of the contrast between the faces of a batch."""
    seed: int = 0


@dataclass
class _State:
    epoch: int = 0
    best: float = -1.0
    curve: list[float] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class LrFaces:
    """Small faces and what is to be told from them."""

    thumbnails: np.ndarray
    """uint8 RGB (N, 16, 16, 3)."""
    embeddings: np.ndarray
    """L2-normalised float32 (N, D), of the sharp faces."""

    def take(self, rows: np.ndarray) -> LrFaces:
        """The faces of `rows`."""
        return LrFaces(self.thumbnails[rows], self.embeddings[rows])


def train_encoder(
    train: LrFaces,
    val: LrFaces,
    out: Path,
    schedule: Schedule | None = None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train an encoder, write it to `out`, and return the report of the training.

    The loss is the contrastive one of Oord et al. (2018), between what is told and the true
    embeddings of a batch: it ranks, as retrieval does. Faces are mirrored, moved, turned, scaled
    and lit at random. After each epoch the mean cosine on `val` decides whether the weights are
    kept. An interrupted training goes on from `out` with the suffix `.checkpoint`.
    """
    schedule = schedule or Schedule()
    trainer = _Trainer(train, val, out, schedule, torch.device(device))
    trainer.resume()
    while trainer.state.epoch < schedule.epochs:
        trainer.epoch()
        if progress:
            progress(trainer.state.epoch, schedule.epochs)
    trainer.checkpoint.unlink(missing_ok=True)
    chosen = int(np.argmax(trainer.state.curve)) + 1
    return {
        "schedule": asdict(schedule),
        "faces": len(train.embeddings),
        "val_cosine": round(trainer.state.best, 4),
        "chosen_epoch": chosen,
        "val_curve": trainer.state.curve,
    }


class _Trainer:
    def __init__(
        self, train: LrFaces, val: LrFaces, out: Path, schedule: Schedule, device: torch.device
    ) -> None:
        torch.manual_seed(schedule.seed)
        self.train, self.val, self.out, self.schedule = train, val, out, schedule
        self.device, self.state = device, _State()
        self.checkpoint = out.with_suffix(".checkpoint")
        self.model = LrEncoder(train.embeddings.shape[1]).to(device)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=0.0, weight_decay=schedule.weight_decay
        )
        self.steps = max(1, len(train.embeddings) // schedule.batch_size)

    def resume(self) -> None:
        """Take up the checkpoint, if there is one of the same schedule and faces."""
        if not self.checkpoint.exists():
            return
        saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if saved["of"] != self._of() or not self.out.exists():
            return
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.state = _State(**saved["state"])

    def _of(self) -> str:
        return repr((asdict(self.schedule), self.train.embeddings.shape))

    def epoch(self) -> None:
        """One pass over the train split, its validation, and the checkpoint."""
        epoch = self.state.epoch
        rng = np.random.default_rng([self.schedule.seed, epoch])
        torch.manual_seed(self.schedule.seed * 100_003 + epoch)
        order = rng.permutation(len(self.train.embeddings))
        self.model.train()
        for step in range(self.steps):
            size = self.schedule.batch_size
            self.step(order[step * size : (step + 1) * size], epoch * self.steps + step)
        told = embed_lr(self.model, self.val.thumbnails)
        score = float(np.einsum("nd,nd->n", told, self.val.embeddings).mean())
        self.state.curve.append(round(score, 4))
        if score > self.state.best:
            self.state.best = score
            save(self.model, self.out)
        self.state.epoch += 1
        self.save()

    def step(self, rows: np.ndarray, step: int) -> None:
        """One step on the faces of `rows`."""
        images = as_images(self.train.thumbnails[rows]).to(self.device)
        targets = torch.from_numpy(self.train.embeddings[rows]).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = one_cycle(step, self.steps * self.schedule.epochs, self.schedule)
        with torch.autocast(self.device.type, torch.bfloat16):
            told = self.model(standardise(vary(images)))
        told = F.normalize(told.float(), dim=1)
        logits = told @ targets.T / self.schedule.temperature
        loss = F.cross_entropy(logits, torch.arange(len(rows), device=self.device))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename."""
        content = {
            "of": self._of(),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": asdict(self.state),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        temporary = self.checkpoint.with_suffix(".tmp")
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(self.checkpoint)


def one_cycle(step: int, steps: int, schedule: Schedule) -> float:
    """Learning rate: up in a tenth of the steps, then half a cosine down to zero."""
    rise = max(1, steps // 10)
    if step < rise:
        return schedule.learning_rate * (step + 1) / rise
    share = (step - rise) / max(1, steps - rise)
    return float(schedule.learning_rate * 0.5 * (1 + np.cos(np.pi * share)))


def vary(images: Tensor) -> Tensor:
    """Faces (N, 3, 16, 16) in [0, 1], mirrored, moved, turned, scaled and lit at random.

    Up to 0.7 pixels, 3.4 degrees, 8 % of size; gain 20 % a colour, light 0.1, noise 0.01.
    """
    count = len(images)
    scale = 1 + 0.08 * _random(images, count)
    turn = 0.06 * _random(images, count)
    mirror = torch.sign(_random(images, count))
    matrix = images.new_zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * scale * turn.cos(), -scale * turn.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * scale * turn.sin(), scale * turn.cos()
    matrix[:, :, 2] = 0.0875 * _random(images, count, 2)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    lit = moved * (1 + 0.2 * _random(images, count, 3, 1, 1))
    lit = lit + 0.1 * _random(images, count, 1, 1, 1)
    return lit + 0.01 * torch.randn_like(lit)


def _random(like: Tensor, *shape: int) -> Tensor:
    """Uniform in [-1, 1], on the device of `like`."""
    return torch.rand(shape, device=like.device) * 2 - 1
