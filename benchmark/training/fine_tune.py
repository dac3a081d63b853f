"""Fine-tuning: all weights of a network trained on, for some steps, on faces of a pool."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from benchmark.data.batches import Loader
from benchmark.data.faces import read_split
from benchmark.protocol.budgets import Budget
from benchmark.training.diverged import DivergedError
from benchmark.training.schedule import learning_rate
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.hardware import choose_precision

BATCH = 16
RATE = 2e-4
"""Peak of the learning rate, a quarter of that of the budget `small`."""


def fine_tune(
    network: nn.Module,
    faces: FaceRef,
    rows: np.ndarray,
    steps: int,
    *,
    scale: int,
    rate: float = RATE,
    references: int = 0,
    reference_list: str = "refs_lr",
    seed: int = 0,
    device: torch.device,
    progress: Progress | None = None,
) -> None:
    """Train all weights of `network`, in place, and leave it in evaluation mode.

    Adam, L1, a cosine down from `rate`, faces mirrored at random: as in training, whose batches
    these are.

    Args:
        network: Called as methods are, on `device`.
        faces: The opened set, whose train split is the pool.
        rows: Of the pool.
        steps: Of 16 faces.
        scale: By how much LR faces are smaller.
        rate: Peak of the learning rate.
        references: At most so many references are given.
        reference_list: What they are drawn from.
        seed: Of the batches.
        device: Where to compute.
        progress: Called with steps done, steps in all, and the loss.
    """
    budget = Budget("tuning", steps * BATCH, BATCH, rate, 1, 1, 0, max_references=references)
    chosen = read_split(faces, "train", reference_list, scale=scale).take(rows.tolist())
    loader = Loader(chosen, budget, seed, device)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    bf16 = choose_precision("auto", device) == "bf16"
    network.train().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    try:
        for step in range(steps):
            lr, refs, hr = loader.batch(step)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(budget, step)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                output = network(lr.contiguous(memory_format=torch.channels_last), refs)
            loss = (output.float() - hr).abs().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            found = loss.item()
            if not math.isfinite(found):
                raise DivergedError(
                    f"The loss is {found} at step {step}: the fine-tuning diverged. Give a lower "
                    f"--learning-rate than {rate:g}."
                )
            if progress:
                progress(step + 1, steps, f"L1 {found:.4f}")
    finally:
        loader.close()
        network.eval()
