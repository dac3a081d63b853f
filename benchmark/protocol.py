"""What is compared and how much training each method gets: named, versioned, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from faceref.errors import unknown_choice

SCALE = 8
HR_SIZE = 128
LR_SIZE = HR_SIZE // SCALE
DEGRADATION = "Pillow bicubic, antialiased, rounded to uint8"
METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
"""Protocols of `benchmark.metrics`; the first ranks the board and chooses checkpoints."""


@dataclass(frozen=True)
class Task:
    """A question that results answer; results of one task and data revision may be compared."""

    name: str
    """Name and version, such as `lfw-x8@1`."""
    title: str
    """One line for tables and pages."""


@dataclass(frozen=True)
class Budget:
    """The training that every method of a board gets, no more and no less."""

    name: str
    samples: int
    """Training faces seen, counting repetitions."""
    batch_size: int
    learning_rate: float
    """Peak of Adam's learning rate, after warm-up; a cosine brings it to zero."""
    warmup: int
    """Steps of linear warm-up."""
    validations: int
    """Times that the val split is scored, evenly spaced, the last at the end."""
    validation_faces: int
    """Faces of val that are scored, evenly spaced."""
    max_references: int = 5
    """References in a training batch: drawn from 0 to this."""
    precision: str = "bf16"
    """`bf16` (autocast) or `fp32`."""
    flip: bool = True
    """Mirror probes and references at random."""

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return -(-self.samples // self.batch_size)


TASKS = {
    task.name: task
    for task in (
        Task("lfw-x8@1", "LFW, 16x16 to 128x128"),
        Task("sample-x8@1", "Embedded synthetic sample, 16x16 to 128x128"),
        Task("folder-x8@1", "A folder of one's own, 16x16 to 128x128"),
    )
}
BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("debug", 96, 8, 1e-3, 2, 2, 6),
        Budget("demo", 2_400, 8, 5e-4, 20, 6, 24),
        Budget("small", 16_000, 16, 4e-4, 50, 10, 256),
        Budget("full", 1_500_000, 32, 2e-4, 500, 60, 1_000),
    )
}


def task(name: str) -> Task:
    """The task `name`; raises FaceRefError for an unknown one."""
    if name not in TASKS:
        raise unknown_choice("task", name, TASKS)
    return TASKS[name]


def budget(name: str) -> Budget:
    """The budget `name`; raises FaceRefError for an unknown one."""
    if name not in BUDGETS:
        raise unknown_choice("budget", name, BUDGETS)
    return BUDGETS[name]
