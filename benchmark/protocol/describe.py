"""Protocols in words, for people who read a number and ask what it is."""

from __future__ import annotations

from benchmark.protocol.published import PUBLISHED, Published
from benchmark.protocol.tasks import HR_SIZE, REALISTIC, TASKS, Task
from faceref.errors import unknown_choice

METRIC_WORDS = {
    "psnr_y": "PSNR on Y in dB: 10 log10(255^2 / MSE) over all pixels, at most 100",
    "ssim_y": "SSIM on Y: Wang et al. 2004, Gaussian window 11x11, sigma 1.5, where it fits inside",
    "psnr_rgb": "PSNR on RGB in dB: MSE over the three colours together",
    "ssim_rgb": "SSIM on RGB: mean of the three planes",
}
_LUMA = "Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255 of 8-bit RGB (BT.601, studio range)"
_ROUNDING = {
    "none": "not rounded",
    "nearest": "rounded to whole numbers",
    "down": "cut to whole numbers (rounded down)",
}


def names() -> list[str]:
    """Names of all tasks and published protocols."""
    return [*TASKS, *PUBLISHED]


def overview() -> str:
    """All tasks, then all published protocols: a line each, its name and title."""
    return "\n".join(protocol_text(name).split("\n", 1)[0] for name in names())


def protocol_text(name: str) -> str:
    """The task or published protocol `name` as lines of text; raises FaceRefError."""
    if name in TASKS:
        return _task(TASKS[name])
    if name in PUBLISHED:
        return _published(PUBLISHED[name])
    raise unknown_choice("protocol", name, names())


def _task(task: Task) -> str:
    metrics = [f"  {metric}: {METRIC_WORDS[metric]}." for metric in task.metrics]
    lines = [
        f"{task.name}: {task.title}",
        f"Data: {task.data}. A result names the revision of its data; a leaderboard holds one.",
        *_trained_on(task),
        f"Split: {task.split}.",
        f"Scale: x{task.scale}, {task.lr_size}x{task.lr_size} to {HR_SIZE}x{HR_SIZE} RGB.",
        f"LR: {_degradation(task)}.",
        *_references(task),
        "Output: clamped to [0, 1], times 255, rounded to uint8; no border is cut.",
        f"Colour: {_LUMA}, not rounded.",
        "Metrics, the first ranks:",
        *metrics,
        "Average: over images.",
    ]
    return "\n".join(lines)


def _trained_on(task: Task) -> list[str]:
    if not task.trained_on:
        return []
    return [
        f"Trained on: {task.trained_on}. References, and what a network is adapted to, are train "
        "faces of the data tested on; no network was trained on those, but where its row says so."
    ]


def _references(task: Task) -> list[str]:
    if not task.shows_less:
        return []
    return [
        "References: refs_lr are searched for with this LR face, by appearance at 16x16, as the "
        "lists of a set were found with the clean 16x16 face, which shows more."
    ]


def _degradation(task: Task) -> str:
    bicubic = "Pillow's antialiased bicubic (Keys, a = -0.5), rounded to uint8 after each pass"
    if task.degradation == "bicubic":
        return bicubic
    low, high = REALISTIC.blur
    return (
        f"Gaussian blur (sigma {low} to {high} HR pixels), {bicubic}, Gaussian noise (sigma "
        f"{REALISTIC.noise[0]} to {REALISTIC.noise[1]}), JPEG (quality {REALISTIC.jpeg[0]} to "
        f"{REALISTIC.jpeg[1]}, 4:4:4); drawn evenly for each image from its id"
    )


def _published(protocol: Published) -> str:
    border = f"{protocol.border} pixels at each side" if protocol.border else "none"
    lines = [
        f"{protocol.name}: {protocol.title}",
        f"Source: {protocol.source}.",
        f"Colour: {_LUMA}, {_ROUNDING[protocol.rounding]}.",
        f"Border left out: {border}.",
        f"Metrics: {METRIC_WORDS['psnr_y']}.",
        f"  {METRIC_WORDS['ssim_y']}.",
    ]
    if protocol.overflow:
        lines.append("  ssim_overflow: the same SSIM of Y times 255 modulo 256, as once published.")
    lines.append("Average: over images.")
    return "\n".join(lines + ([f"Known: {protocol.known}."] if protocol.known else []))
