"""Images of faces in rows, with a caption under each."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from faceref.files import write_bytes
from faceref.outputs import need_file

TILE, GAP, CAPTION, HEAD = 128, 6, 18, 26
ASIDE = 3 * GAP
"""Extra space before the columns that are set aside."""
PAPER, INK, FAINT = "white", "#1a1a1a", "#777777"
SIZE = 11
FORMS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""What an image is written as, by the ending of its name."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One image of a grid."""

    image: np.ndarray
    """uint8 RGB, (128, 128, 3)."""
    caption: str
    strong: bool = False
    """Whether the caption is dark."""


def draw(rows: Sequence[Sequence[Tile]], heads: Mapping[int, str], aside: int) -> Image.Image:
    """Draw `rows` of tiles, with `heads` above the columns of those numbers.

    Columns from number `aside` on are set a little aside. Heads may run on over the columns that
    have none; captions and other heads are cut to the width of a tile.
    """
    columns = max(map(len, rows), default=0)
    height = HEAD + len(rows) * (TILE + CAPTION + GAP)
    sheet = Image.new("RGB", (_left(columns, aside) + GAP, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, text in heads.items():
        room = TILE if column + 1 in heads else sheet.width
        pen.text((_left(column, aside), 7), _fitted(pen, text, room), INK, _font())
    for line, row in enumerate(rows):
        top = HEAD + line * (TILE + CAPTION + GAP)
        for column, tile in enumerate(row):
            left = _left(column, aside)
            sheet.paste(Image.fromarray(tile.image), (left, top))
            ink = INK if tile.strong else FAINT
            pen.text((left, top + TILE + 2), _fitted(pen, tile.caption, TILE), ink, _font())
    return sheet


def need_image(out: Path) -> None:
    """Raise FaceRefError unless an image can be written to `out`, as its ending says."""
    need_file(out, "image", tuple(FORMS))


def save(image: Image.Image, out: Path) -> None:
    """Write an image in the form that its ending in `FORMS` says, whole.

    Raises FaceRefError for another ending, and where it cannot be written.
    """
    need_image(out)
    buffer = io.BytesIO()
    image.save(buffer, FORMS[out.suffix.lower()], optimize=True, quality=95)
    write_bytes(out, buffer.getvalue())


def _left(column: int, aside: int) -> int:
    return GAP + column * (TILE + GAP) + (ASIDE if column >= aside else 0)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(SIZE)


def _fitted(pen: ImageDraw.ImageDraw, text: str, room: int) -> str:
    while text and pen.textlength(text, _font()) > room:
        text = text[:-1]
    return text


def thumbnail(face: np.ndarray) -> np.ndarray:
    """The 16x16 face that `refs_lr` sees, uint8 RGB: PIL's bicubic of the published image."""
    return downsample(face, 16)


def downsample(face: np.ndarray, side: int) -> np.ndarray:
    """A square face, uint8 RGB, at (side, side, 3): PIL's antialiased bicubic."""
    return np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
