"""Training batches: drawn from seed and step alone; gathered and mirrored on the device.

Faces lie in memory of the device as uint8. What is drawn does not depend on the device, nor on how
many processes share a batch.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.data.faces import Faces, cycle
from benchmark.protocol.budgets import Budget
from benchmark.protocol.tasks import HR_SIZE

Batch = tuple[Tensor, Tensor, Tensor]
"""LR (N, 3, 16, 16), references (N, K, 3, 128, 128), HR (N, 3, 128, 128), float32 RGB in [0, 1]."""


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """What one training batch shows."""

    rows: np.ndarray
    """Rows of the split, int64 (N,)."""
    references: np.ndarray
    """Rows of the pool, int64 (N, K)."""
    mirrored: np.ndarray
    """Faces to mirror, bool (N,)."""
    mirrored_references: np.ndarray
    """References to mirror, bool (N, K)."""

    def part(self, number: int, parts: int) -> BatchPlan:
        """Part `number` of `parts` equal ones, each a process's share."""
        size = len(self.rows) // parts
        mine = slice(number * size, (number + 1) * size)
        return BatchPlan(
            self.rows[mine],
            self.references[mine],
            self.mirrored[mine],
            self.mirrored_references[mine],
        )


def plan_batch(
    faces: Faces, budget: Budget, seed: int, step: int, counts: range | None = None
) -> BatchPlan:
    """The batch of training step `step`, a function of `seed` and `step` alone.

    Every face is seen once before any is seen again. The number of references is drawn for the
    batch from `counts`, by default from 0 to the budget's most, and the references at random from
    each face's list.
    """
    rng = np.random.default_rng([seed, step])
    rows = _rows_of_step(len(faces), budget.batch_size, seed, step)
    possible = range(budget.max_references + 1) if counts is None else counts
    count = int(rng.integers(possible.start, possible.stop))
    chosen = [_draw(rng, faces.references[row], count) for row in rows]
    mirrored = np.zeros(len(rows), bool)
    mirrored_references = np.zeros((len(rows), count), bool)
    if budget.flip:
        mirrored = rng.random(len(rows)) < 0.5
        mirrored_references = rng.random((len(rows), count)) < 0.5
    drawn = np.array(chosen, np.int64).reshape(len(rows), count)
    return BatchPlan(np.array(rows, np.int64), drawn, mirrored, mirrored_references)


def _rows_of_step(faces: int, batch: int, seed: int, step: int) -> list[int]:
    places = range(step * batch, (step + 1) * batch)
    orders = {
        epoch: np.random.default_rng([seed, 1, epoch]).permutation(faces)
        for epoch in {place // faces for place in places}
    }
    return [int(orders[place // faces][place % faces]) for place in places]


def _draw(rng: np.random.Generator, rows: Sequence[int], count: int) -> list[int]:
    if len(rows) < count:
        return cycle(list(rows), count)
    return [rows[place] for place in rng.choice(len(rows), count, replace=False)]


class DeviceImages:
    """HR and LR faces of a split and its references on a device, as uint8.

    An LR face is gathered and mirrored as it is: shrinking a mirrored face gives the same bytes as
    mirroring the shrunk one.
    """

    def __init__(self, faces: Faces, device: torch.device) -> None:
        self.device = device
        self.references = torch.from_numpy(faces.pool.images).to(device)
        same = faces.hr is faces.pool.images
        self.hr = self.references if same else torch.from_numpy(faces.hr).to(device)
        self.lr = torch.from_numpy(faces.lr).to(device)

    def gather(self, plan: BatchPlan) -> Batch:
        """The batch of `plan`."""
        rows, mirrored = self._there(plan.rows), self._there(plan.mirrored)
        lr, hr = _mirror(self.lr[rows], mirrored), _mirror(self.hr[rows], mirrored)
        count = plan.references.shape[1]
        shape = (len(hr), count, 3, HR_SIZE, HR_SIZE)
        if not count:
            return _as_float(lr), hr.new_zeros(shape).float(), _as_float(hr)
        refs = self.references[self._there(plan.references.ravel())]
        refs = _mirror(refs, self._there(plan.mirrored_references.ravel()))
        return _as_float(lr), _as_float(refs).view(shape), _as_float(hr)

    def _there(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self.device)


def _mirror(images: Tensor, chosen: Tensor) -> Tensor:
    """Flip those images (N, H, W, 3) left to right that `chosen` (N,) marks."""
    return torch.where(chosen[:, None, None, None], images.flip(2), images)


def _as_float(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) as float32 in [0, 1], (N, 3, H, W)."""
    return images.permute(0, 3, 1, 2).contiguous().float().div(255)


class Loader:
    """Gives the batches of a training in order; the next is prepared while a step runs.

    `stall` is the time in seconds that steps have waited for their batch.
    """

    def __init__(
        self,
        faces: Faces,
        budget: Budget,
        seed: int,
        device: torch.device,
        *,
        counts: range | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.faces, self.budget, self.seed, self.counts = faces, budget, seed, counts
        self.images, self.share, self.stall = DeviceImages(faces, device), share, 0.0
        self.thread = _quiet_thread()
        self.next: tuple[int, Future[tuple[Batch, np.ndarray]]] | None = None

    def batch(self, step: int) -> Batch:
        """The batch of `step`, or this process's share of it."""
        return self._ready(step)[0]

    def with_people(self, step: int) -> tuple[Batch, Tensor]:
        """The same, and a number for the person of each face, int64 (N,)."""
        batch, rows = self._ready(step)
        known = self.faces.people
        return batch, torch.from_numpy(rows if known is None else known[rows])

    def _ready(self, step: int) -> tuple[Batch, np.ndarray]:
        """The batch and the rows of its faces."""
        start = time.perf_counter()
        known = self.next is not None and self.next[0] == step
        coming = self.next[1] if known and self.next else self.thread.submit(self._make, step)
        found = coming.result()
        self.stall += time.perf_counter() - start
        if step + 1 < self.budget.steps:
            self.next = (step + 1, self.thread.submit(self._make, step + 1))
        return found

    def _make(self, step: int) -> tuple[Batch, np.ndarray]:
        whole = plan_batch(self.faces, self.budget, self.seed, step, self.counts)
        plan = whole.part(*self.share)
        return self.images.gather(plan), plan.rows

    def close(self) -> None:
        """End the thread."""
        self.thread.shutdown(wait=True, cancel_futures=True)


def _quiet_thread() -> ThreadPoolExecutor:
    """A thread in which torch starts no threads.

    With a second team of threads there are more than cores, and OpenMP lets those of both sleep
    after each operation: a step of MSRNet then takes half as long again.
    """
    before, thread = torch.get_num_threads(), ThreadPoolExecutor(1)
    thread.submit(_use_one_thread).result()
    torch.set_num_threads(before)
    return thread


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # A thread takes the number of all with its first operation.
