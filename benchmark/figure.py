"""The picture that papers print: LR, each method, HR, and the references that were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmark.metrics.colour import luma
from benchmark.metrics.psnr import psnr
from benchmark.protocol import HR_SIZE
from faceref.grid import Tile, draw


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
    """Draw `examples` with a column for each of `methods`; `heading` stands above the references.

    Under each output is its PSNR-Y in dB, the best of a row dark.
    """
    names = ["LR 16x16", *methods, "HR 128x128", heading]
    rows = [_tiles(example) for example in examples]
    return draw(rows, dict(enumerate(names)), aside=len(methods) + 2)


def _tiles(row: Example) -> list[Tile]:
    small = Image.fromarray(row.lr).resize((HR_SIZE, HR_SIZE), Image.Resampling.NEAREST)
    quality = [psnr(luma(image), luma(row.hr)) for image in row.outputs]
    return [
        Tile(np.asarray(small), ""),
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
