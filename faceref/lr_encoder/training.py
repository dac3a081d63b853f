"""Training of the LR encoder: train split only, val chooses the weights."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from faceref.console import Progress
from faceref.errors import FaceRefError
from faceref.files import write_bytes
from faceref.hardware import computes_bf16, open_device
from faceref.lr_encoder.augmentation import vary
from faceref.lr_encoder.model import (
    LrEncoder,
    as_images,
    embed_lr,
    one_thread,
    save_encoder,
    standardise,
)
from faceref.lr_encoder.retrieval import retrieve
from faceref.reading.boundary import reading
from faceref.reading.weights import read_checkpoint

MAX_PROBES = 2000
"""Val faces that a validation retrieves for, at most."""
MAX_BANK = 16_384
"""Train faces that a step ranks, at most."""


@dataclass(frozen=True)
class Schedule:
    """How the encoder is trained."""

    epochs: int = 20
    """Times that each face is shown, unless that is more than `most_samples`."""
    most_samples: int = 2_000_000
    """Faces shown at most, however large the set: that bounds the time."""
    batch_size: int = 128
    learning_rate: float = 2e-3
    """Peak of AdamW's rate, after a linear rise and before half a cosine down to zero."""
    weight_decay: float = 0.5
    ranking: float = 0.3
    """Weight of the ranking term beside the cosine term."""
    temperature: float = 0.07
    """Of the similarities that the ranking term compares."""
    averaging: float = 0.998
    """Decay of the running mean of the weights, which is what is validated and kept."""
    validations: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "most_samples", "batch_size", "validations"):
            if getattr(self, name) < 1:
                raise FaceRefError(f"{name} {getattr(self, name)}: at least 1 is needed.")

    def steps(self, faces: int) -> int:
        """Optimiser steps of a training on so many faces."""
        return max(1, min(self.epochs * faces, self.most_samples) // self.batch_size)


@dataclass(frozen=True, eq=False)
class LrFaces:
    """LR faces and what is to be predicted from them."""

    thumbnails: np.ndarray
    """uint8 RGB (N, 16, 16, 3)."""
    embeddings: np.ndarray
    """L2-normalised float32 (N, D), of the HR faces."""
    people: np.ndarray
    """Labels, (N,): nobody is ranked for a face of their own, as in mining."""

    def take(self, rows: np.ndarray) -> LrFaces:
        """The faces of `rows`."""
        return LrFaces(self.thumbnails[rows], self.embeddings[rows], self.people[rows])

    def digest(self) -> str:
        """SHA-256 of the content."""
        people = np.unique(self.people, return_inverse=True)[1]
        parts = (self.thumbnails, self.embeddings, people)
        digest = hashlib.sha256(repr([part.shape for part in parts]).encode())
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


@dataclass
class _State:
    step: int = 0
    best: float = -math.inf
    chosen: int = 0
    curve: list[list[float]] = field(default_factory=list)
    """[faces shown, true cosine of the five retrieved on val] of each validation."""


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

    The loss has two terms. One is the cosine distance to the true embedding. The other ranks, as
    retrieval does: the cross-entropy between the softmax of the true similarities to all train
    faces and that of the predicted ones (relational distillation after Passalis and Tefas, ECCV
    2018).
    Val faces retrieve five from train at each validation; the weights with the highest true cosine
    of these are kept. Same faces, schedule and kind of processor: same bytes. An interrupted
    training goes on from `out` with the suffix `.checkpoint`, and a finished one is not done again;
    one of other faces or of another schedule is replaced. Raises FaceRefError.
    """
    schedule = schedule or Schedule()
    target = open_device(device)
    if len(train.embeddings) < 2:
        raise FaceRefError(
            f"{len(train.embeddings)} train faces: a LR encoder needs two or more. "
            "Build with --likeness-lr appearance."
        )
    with one_thread(), _own_random_numbers(target):
        trainer = _Trainer(train, val, out, schedule, target)
        trainer.resume()
        trainer.fit(progress)
    state = trainer.state
    return {
        "schedule": asdict(schedule),
        "train_faces": len(train.embeddings),
        "val_faces": len(val.embeddings),
        "val_curve": state.curve,
        "val_cosine_of_retrieved": round(state.best, 4) if math.isfinite(state.best) else None,
        "chosen_after": state.chosen,
    }


@contextmanager
def _own_random_numbers(device: torch.device) -> Iterator[None]:
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield


class _Trainer:
    def __init__(
        self, train: LrFaces, val: LrFaces, out: Path, schedule: Schedule, device: torch.device
    ) -> None:
        torch.manual_seed(schedule.seed)
        self.train, self.out, self.schedule, self.device = train, out, schedule, device
        rows = np.linspace(0, len(val.embeddings) - 1, min(MAX_PROBES, len(val.embeddings)))
        self.val, self.state = val.take(rows.round().astype(int)), _State()
        self.checkpoint = out.with_suffix(".checkpoint")
        self.model = LrEncoder(train.embeddings.shape[1]).to(device)
        self.mean = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(_groups(self.model, schedule.weight_decay), lr=0.0)
        count = len(train.embeddings)
        self.steps = schedule.steps(count)
        self.people = np.unique(train.people, return_inverse=True)[1]
        bank = np.sort(np.random.default_rng([schedule.seed, 0]).permutation(count)[:MAX_BANK])
        self.bank = torch.from_numpy(train.embeddings[bank]).to(device)
        self.banked = self.people[bank]
        self.of = json.dumps([asdict(schedule), train.digest(), self.val.digest()])

    def resume(self) -> None:
        """Take up the checkpoint, if there is one of the same schedule and faces."""
        if not self.checkpoint.exists() or not self.out.exists():
            return
        anew = "Delete it: the LR encoder is then trained from the beginning."
        saved = read_checkpoint(self.checkpoint, anew)
        with reading(self.checkpoint, anew):
            if saved["of"] == self.of:
                self.model.load_state_dict(saved["model"])
                self.mean.load_state_dict(saved["mean"])
                self.optimiser.load_state_dict(saved["optimiser"])
                self.state = _State(**saved["state"])

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename."""
        content = {
            "of": self.of,
            "model": self.model.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": asdict(self.state),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_bytes(self.checkpoint, buffer.getvalue())

    def fit(self, progress: Progress | None) -> None:
        """Train from where the state is to the end of the schedule."""
        steps, size = self.steps, self.schedule.batch_size
        count = min(self.schedule.validations, steps)
        checks = {round(steps * (check + 1) / count) for check in range(count)}
        while self.state.step < steps:
            self.step(self.state.step)
            self.state.step += 1
            if self.state.step in checks:
                self.validate()
                self.save()
            if progress:
                progress(self.state.step * size, steps * size)

    def step(self, step: int) -> None:
        """One step; its batch and its random numbers follow from seed and step alone."""
        torch.manual_seed(self.schedule.seed * 1_000_003 + step + 1)
        rows = self.rows(step)
        images = as_images(self.train.thumbnails[rows]).to(self.device)
        truth = torch.from_numpy(self.train.embeddings[rows]).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, self.steps, self.schedule)
        self.model.train()
        native = computes_bf16(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=native):
            vectors = self.model(standardise(vary(images)))
        loss = self.loss(F.normalize(vectors.float(), dim=1), truth, self.same(rows))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average(step)

    def rows(self, step: int) -> np.ndarray:
        """Every face is shown once before any is shown again."""
        count, size = len(self.train.embeddings), self.schedule.batch_size
        places = np.arange(step * size, (step + 1) * size)
        rows = np.empty(size, int)
        for epoch in np.unique(places // count):
            here = places // count == epoch
            order = np.random.default_rng([self.schedule.seed, 1, int(epoch)]).permutation(count)
            rows[here] = order[places[here] % count]
        return rows

    def same(self, rows: np.ndarray) -> Tensor:
        """Which faces of the bank show the person of `rows`, bool (B, N)."""
        return torch.from_numpy(self.people[rows, None] == self.banked[None]).to(self.device)

    def loss(self, vectors: Tensor, truth: Tensor, same: Tensor) -> Tensor:
        """The cosine term and the ranking term, see `train_encoder`."""
        cosine = 1 - (vectors * truth).sum(1).mean()
        true, found = truth @ self.bank.T, vectors @ self.bank.T
        true, found = (part.masked_fill(same, -1e4) for part in (true, found))
        wanted = F.softmax(true / self.schedule.temperature, 1)
        ranking = -(wanted * F.log_softmax(found / self.schedule.temperature, 1)).sum(1).mean()
        return cosine + self.schedule.ranking * ranking

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Move the running mean of the weights; it follows closely at first."""
        decay = min(self.schedule.averaging, (step + 1) / (step + 10))
        pairs = zip(self.mean.state_dict().values(), self.model.state_dict().values(), strict=True)
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def validate(self) -> None:
        """Score val and keep the weights if they are the best so far."""
        shown = self.state.step * self.schedule.batch_size
        score = -math.inf
        if len(self.val.embeddings):
            vectors = embed_lr(self.mean, self.val.thumbnails)
            pool = self.train.embeddings
            score = float(retrieve(vectors, pool, self.val.embeddings, pool).cosine.mean())
            self.state.curve.append([shown, round(score, 4)])
        if score > self.state.best or not self.state.curve:
            self.state.best, self.state.chosen = score, shown
            save_encoder(self.mean, self.out)


def _groups(model: LrEncoder, decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases and normalisation do not."""
    plain = [weight for weight in model.parameters() if weight.ndim <= 1]
    heavy = [weight for weight in model.parameters() if weight.ndim > 1]
    return [{"params": heavy, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]


def learning_rate(step: int, steps: int, schedule: Schedule) -> float:
    """Up in a twentieth of the steps, then half a cosine down to zero."""
    rise = max(1, steps // 20)
    if step < rise:
        return schedule.learning_rate * (step + 1) / rise
    share = (step - rise) / max(1, steps - rise)
    return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
