"""The image that papers print: LR, each method, HR, and the references that were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.metrics.score import luma, psnr
from benchmark.protocol.tasks import HR_SIZE
from benchmark.report.style import COLOURS, figure_of, save_figure
from faceref.images import Tile, draw


@dataclass(frozen=True, eq=False)
class Example:
    """One row of the figure."""

    lr: np.ndarray
    """uint8 RGB, (16, 16, 3)."""
    hr: np.ndarray
    """uint8 RGB, (128, 128, 3)."""
    outputs: Sequence[np.ndarray]
    """One uint8 RGB image (128, 128, 3) for each method."""
    references: Sequence[np.ndarray]
    """uint8 RGB images (128, 128, 3), best first."""
    scores: Sequence[float]
    """Score of each reference."""


def comparison(examples: Sequence[Example], methods: Sequence[str], heading: str) -> Image.Image:
    """Draw `examples` with a column for each of `methods`; `heading` is above the references.

    Under each output is its PSNR-Y in dB, the best of a row dark.
    """
    names = ["LR 16x16", *methods, "HR 128x128", heading]
    rows = [_tiles(example) for example in examples]
    return draw(rows, dict(enumerate(names)), aside=len(methods) + 2)


def _tiles(row: Example) -> list[Tile]:
    lr = Image.fromarray(row.lr).resize((HR_SIZE, HR_SIZE), Image.Resampling.NEAREST)
    quality = [psnr(luma(image), luma(row.hr)) for image in row.outputs]
    return [
        Tile(np.asarray(lr), ""),
        *(
            Tile(image, f"{value:.2f} dB", strong=value == max(quality))
            for image, value in zip(row.outputs, quality, strict=True)
        ),
        Tile(row.hr, ""),
        *(
            Tile(image, f"{score:.3f}")
            for image, score in zip(row.references, row.scores, strict=True)
        ),
    ]


BOXES = ((36, 68, 32, 96), (78, 110, 32, 96))
"""Eyes and mouth in the aligned frame, pixels: top, bottom, left, right; each 32 by 64."""
MOST_REFERENCES = 3
GAP = 2
TILE = 0.95
"""Inches."""


def zoom(examples: Sequence[Example], methods: Sequence[str], out: Path) -> list[Path]:
    """Draw a row for each of `examples` as PNG and PDF; returns the paths.

    The whole face with the boxes, then the crops of LR, each of `methods`, HR, and the best
    references, which are aligned as the face is.
    """
    shown = min(MOST_REFERENCES, *(len(example.references) for example in examples))
    heads = ["HR", "LR", *methods, "HR", *(f"reference {place + 1}" for place in range(shown))]
    rows = len(examples)
    figure, axes = figure_of(TILE * len(heads), TILE * rows, len(heads), rows)
    axes = axes.reshape(rows, len(heads))
    for line, example in enumerate(examples):
        _whole(axes[line, 0], example.hr)
        images = [with_square_pixels(example.lr), *example.outputs, example.hr]
        for place, image in enumerate([*images, *example.references[:shown]], 1):
            axes[line, place].imshow(crops(image), interpolation="nearest")
    for one in axes.ravel():
        one.axis("off")
    for one, head in zip(axes[0], heads, strict=True):
        one.set_title(_in_lines(head), loc="center", fontsize=7)
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    return save_figure(figure, out)


def crops(image: np.ndarray) -> np.ndarray:
    """The regions of `BOXES`, one below the other: uint8 RGB, (128, 128, 3) to (66, 64, 3)."""
    parts = [image[top:bottom, left:right] for top, bottom, left, right in BOXES]
    gap = np.full((GAP, parts[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([parts[0], gap, parts[1]])


def with_square_pixels(lr: np.ndarray) -> np.ndarray:
    """A LR face with its pixels as squares: uint8 RGB, (128, 128, 3)."""
    nearest = Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(lr).resize((HR_SIZE, HR_SIZE), nearest))


def _whole(axes: Any, image: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    axes.imshow(image, interpolation="nearest")
    for (top, bottom, left, right), colour in zip(BOXES, COLOURS, strict=False):
        box = Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, lw=1)
        axes.add_patch(box)


def _in_lines(head: str) -> str:
    return head.replace(" ", "\n", 1)
