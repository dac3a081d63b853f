"""What is compared and how much training each method gets: named, versioned, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from faceref.errors import unknown_choice

SCALE = 8
HR_SIZE = 128
LR_SIZE = HR_SIZE // SCALE
METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
"""Protocols of `benchmark.metrics`; the first ranks the board and chooses checkpoints."""


@dataclass(frozen=True)
class Realistic:
    """Ranges that the realistic degradation draws from, evenly."""

    version: int
    """Part of the seed, so that another version draws anew."""
    blur: tuple[float, float]
    """Standard deviation of the Gaussian, in HR pixels."""
    noise: tuple[float, float]
    """Standard deviation of the noise, on the 0-255 scale."""
    jpeg: tuple[int, int]
    """Quality of the JPEG, both ends included; no chroma subsampling."""


REALISTIC = Realistic(1, (0.2, 4.0), (0.0, 10.0), (60, 95))


@dataclass(frozen=True)
class Task:
    """A question that results answer; results of one task and data revision may be compared."""

    name: str
    """Name and version, such as `lfw-x8@1`."""
    title: str
    """One line for tables and pages."""
    data: str
    """Where the faces come from."""
    scale: int = SCALE
    degradation: str = "bicubic"
    """How HR becomes LR, one of `benchmark.degrade.DEGRADATIONS`."""
    split: str = "test"
    """What a board shows."""
    metrics: tuple[str, ...] = METRICS

    @property
    def lr_size(self) -> int:
        """Side of the LR face in pixels."""
        return HR_SIZE // self.scale


TRAINING_LIST = "both"
"""References in training are drawn from both lists, so that a network can be tested with either."""
_ON = "-on-"


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
    """`fp32`, or `bf16`: autocast, where the device computes in it (`benchmark.train.Running`)."""
    flip: bool = True
    """Mirror probes and references at random."""
    ema: float = 0.0
    """Decay of the running mean of the weights, which val then scores and keeps; 0: none."""

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return -(-self.samples // self.batch_size)


def _tasks() -> list[Task]:
    lfw = "LFW deep-funneled, built by `faceref build`"
    celeba = "CelebA, built by `faceref build`"
    ffhq = "FFHQ, built by `faceref build`"
    return [
        Task("lfw-x8@1", "LFW, 16x16 to 128x128", lfw),
        Task("lfw-x4@1", "LFW, 32x32 to 128x128", lfw, scale=4),
        Task("lfw-x16@1", "LFW, 8x8 to 128x128", lfw, scale=16),
        Task("lfw-x8-real@1", "LFW, degraded, to 128x128", lfw, degradation="realistic"),
        Task("celeba-x8@1", "CelebA, 16x16 to 128x128", celeba),
        Task("ffhq-x8@1", "FFHQ, 16x16 to 128x128", ffhq),
        Task(
            "sample-x8@1",
            "Embedded synthetic sample, 16x16 to 128x128",
            "the sample that the package embeds, built by `faceref build --source sample`",
        ),
        Task(
            "folder-x8@1",
            "A folder of one's own, 16x16 to 128x128",
            "a folder of one's own, built by `faceref build --source folder`",
        ),
        Task(
            "pairs-x8@1",
            "Pictures in two folders, 16x16 to 128x128",
            "any two folders of pictures of the same names, scored by `facebench score`",
            split="all",
        ),
    ]


TASKS = {task.name: task for task in _tasks()}
BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("debug", 96, 8, 1e-3, 2, 2, 6),
        Budget("demo", 2_400, 8, 5e-4, 20, 6, 24),
        Budget("small", 16_000, 16, 8e-4, 50, 10, 256),
        Budget("full", 1_500_000, 32, 2e-4, 500, 60, 1_000),
    )
}


def budget_on(name: str, seen: str) -> str:
    """Name of the budget of a training that drew its references from `seen`; see `split_budget`."""
    return name if seen == TRAINING_LIST else f"{name}{_ON}{seen}"


def split_budget(name: str) -> tuple[str, str]:
    """Budget, and the kind of references that training saw: empty for `TRAINING_LIST`."""
    plain, _, seen = name.partition(_ON)
    return plain, seen


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
