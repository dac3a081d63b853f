"""The picture that papers print: LR, each method, HR, and the references that were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmark.metrics.colour import luma
from benchmark.metrics.psnr import psnr

TILE, GAP, CAPTION, HEAD = 128, 6, 18, 24
PAPER, INK, FAINT = "white", "#1a1a1a", "#777777"


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

    Under each output is its PSNR-Y in dB, the best of a row in bold ink.
    """
    references = max((len(example.references) for example in examples), default=0)
    columns = 2 + len(methods) + references
    width = GAP + columns * (TILE + GAP) + (3 * GAP if references else 0)
    height = HEAD + len(examples) * (TILE + CAPTION + GAP)
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    names = ["LR 16x16", *methods, "HR 128x128"]
    for column, name in enumerate(names):
        pen.text((_left(column), 6), _fitted(pen, name, _font(11)), INK, _font(11))
    if references:
        pen.text((_left(len(names)) + 3 * GAP, 6), heading, INK, _font(11))
    for line, row in enumerate(examples):
        _draw_row(sheet, pen, row, HEAD + line * (TILE + CAPTION + GAP))
    return sheet


def save(image: Image.Image, out: Path) -> None:
    """Write PNG under a temporary name, then rename."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    image.save(temporary, "PNG", optimize=True)
    temporary.replace(out)


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, row: Example, top: int) -> None:
    small = Image.fromarray(row.lr).resize((TILE, TILE), Image.Resampling.NEAREST)
    tiles = [small, *map(Image.fromarray, row.outputs), Image.fromarray(row.hr)]
    for column, tile in enumerate(tiles):
        sheet.paste(tile, (_left(column), top))
    quality = [psnr(luma(image), luma(row.hr)) for image in row.outputs]
    for column, value in enumerate(quality, 1):
        ink = INK if value == max(quality) else FAINT
        pen.text((_left(column), top + TILE + 2), f"{value:.2f} dB", ink, _font(11))
    for column, (image, score) in enumerate(
        zip(row.references, row.scores, strict=True), len(tiles)
    ):
        left = _left(column) + 3 * GAP
        sheet.paste(Image.fromarray(image), (left, top))
        pen.text((left, top + TILE + 2), f"{score:.3f}", FAINT, _font(11))


def _left(column: int) -> int:
    return GAP + column * (TILE + GAP)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitted(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> str:
    while text and pen.textlength(text, font) > TILE:
        text = text[:-1]
    return text
