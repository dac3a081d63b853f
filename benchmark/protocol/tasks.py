"""What is compared: tasks, named, versioned, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metrics.registry import METRICS
from faceref.errors import unknown_choice

SCALE = 8
HR_SIZE = 128
MOST_REFERENCES = 64
"""References given for each face at most."""
PUBLISHED = ("celeba", "ffhq", "lfw", "sample")
"""Sources that have tasks of their own."""
LR_SIZE = HR_SIZE // SCALE


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
    """How HR becomes LR, one of `benchmark.protocol.degradation.DEGRADATIONS`."""
    split: str = "test"
    """What a leaderboard shows."""
    metrics: tuple[str, ...] = METRICS
    trained_on: str = ""
    """What networks were trained on, where that is not `data`."""
    source: str = ""
    """Source of the faces, such as `lfw` or `folder`; empty where it may be any."""

    @property
    def lr_size(self) -> int:
        """Side of the LR face in pixels."""
        return HR_SIZE // self.scale

    @property
    def shows_less(self) -> bool:
        """Whether its LR face shows less than the clean 16x16 face that lists are found with."""
        return self.lr_size < LR_SIZE or self.degradation != "bicubic"


def _tasks() -> list[Task]:
    lfw = "LFW deep-funneled, built by `faceref build`"
    celeba = "CelebA, built by `faceref build`"
    ffhq = "FFHQ, built by `faceref build`"
    return [
        Task("lfw-x8@1", "LFW, 16x16 to 128x128", lfw, source="lfw"),
        Task("lfw-x4@1", "LFW, 32x32 to 128x128", lfw, scale=4, source="lfw"),
        Task("lfw-x16@1", "LFW, 8x8 to 128x128", lfw, scale=16, source="lfw"),
        Task(
            "lfw-x8-real@1", "LFW, degraded, to 128x128", lfw, degradation="realistic", source="lfw"
        ),
        Task("celeba-x8@1", "CelebA, 16x16 to 128x128", celeba, source="celeba"),
        Task("ffhq-x8@1", "FFHQ, 16x16 to 128x128", ffhq, source="ffhq"),
        Task(
            "sample-x8@1",
            "Embedded synthetic sample, 16x16 to 128x128",
            "the sample that the package embeds, built by `faceref build --source sample`",
            source="sample",
        ),
        *_transfers(),
        Task(
            "folder-x8@1",
            "A folder of one's own, 16x16 to 128x128",
            "a folder of one's own, built by `faceref build --source folder`",
        ),
        Task(
            "pairs-x8@1",
            "Images in two folders, 16x16 to 128x128",
            "any two folders of images of the same names, scored by `facebench score`",
            split="all",
        ),
    ]


def _transfers() -> list[Task]:
    """Trained on one kind of faces, tested on another, whose train faces are the pool."""
    known = {
        "lfw": ("LFW", "LFW deep-funneled"),
        "celeba": ("CelebA", "CelebA"),
        "celeba-wild": ("CelebA in the wild", "celeba-wild-128, a folder"),
        "ffhq": ("FFHQ", "FFHQ"),
        "sample": ("the embedded sample", "the sample that the package embeds"),
    }
    pairs = [
        *(("lfw", "celeba-wild"), ("lfw", "sample")),
        *(("sample", "lfw"), ("celeba-wild", "lfw")),
        *(("celeba", "ffhq"), ("ffhq", "celeba")),
    ]
    return [
        Task(
            f"{source}-to-{target}-x8@1",
            f"From {known[source][0]} to {known[target][0]}, 16x16 to 128x128",
            f"{known[target][1]}, built by `faceref build`",
            trained_on=f"the train split of {known[source][1]}",
            source=target if target in PUBLISHED else "folder",
        )
        for source, target in pairs
    ]


TASKS = {task.name: task for task in _tasks()}


def task(name: str) -> Task:
    """A task by name.

    Args:
        name: One of `TASKS`, such as `lfw-x8@1`.

    Returns:
        The task.

    Raises:
        FaceRefError: For an unknown name.

    Example:
        >>> task("lfw-x4@1").lr_size
        32
    """
    if name not in TASKS:
        raise unknown_choice("task", name, TASKS)
    return TASKS[name]
