"""The progress of a training: a line for the screen, curves for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError


class Curves:
    """Writes TensorBoard's event files; does nothing without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.writer: Any = None
        if folder is not None:
            self.writer = _writer(folder)

    def add(self, step: int, **values: float) -> None:
        """Numbers at a step, by the name of their curve."""
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is not written yet."""
        if self.writer is not None:
            self.writer.close()


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise FaceRefError(
            "--log-dir needs TensorBoard. Get it: pip install 'face-ref[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder))


def line(loss: float | None, speed: float, left: float, stall: float, val: float | None) -> str:
    """The state in a few words: `speed` images a second, `left` seconds, `stall` a share."""
    parts = [] if loss is None else [f"L1 {loss:.4f}"]
    if speed:
        parts += [f"{speed:.0f} images/s", f"{clock(left)} left", f"stall {100 * stall:.1f} %"]
    if val is not None:
        parts.append(f"val {val:.2f} dB")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Seconds as `m:ss` or `h:mm:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
