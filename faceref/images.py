"""Images of faces in rows, with a caption under each."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFont

from faceref.files import write_bytes
from faceref.outputs.ours import need_new_or_ours
from faceref.outputs.writable import need_file

MAKER = "Face_Ref contact sheet"
"""In the EXIF data of every image that `save` writes, by which we know ours."""
THUMBNAIL = 16
"""Side of the face that `refs_lr` are found with."""
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
        _write(pen, (_left(column, aside), 7), text, room, INK)
    for line, row in enumerate(rows):
        top = HEAD + line * (TILE + CAPTION + GAP)
        for column, tile in enumerate(row):
            left = _left(column, aside)
            sheet.paste(Image.fromarray(tile.image), (left, top))
            ink = INK if tile.strong else FAINT
            _write(pen, (left, top + TILE + 2), tile.caption, TILE, ink)
    return sheet


def need_image(out: Path) -> None:
    """Raise FaceRefError unless an image can be written to `out`, as its ending says.

    An image that is there is replaced only if `save` made it.
    """
    need_file(out, "image", tuple(FORMS))
    need_new_or_ours(out, MAKER, option="image")


def save(image: Image.Image, out: Path) -> None:
    """Write an image in the form that its ending in `FORMS` says, whole.

    Raises FaceRefError for another ending, and where it cannot be written.
    """
    need_image(out)
    buffer = io.BytesIO()
    notes = Image.Exif()
    notes[ExifTags.Base.Software] = MAKER
    image.save(buffer, FORMS[out.suffix.lower()], optimize=True, quality=95, exif=notes)
    write_bytes(out, buffer.getvalue())


def _left(column: int, aside: int) -> int:
    return GAP + column * (TILE + GAP) + (ASIDE if column >= aside else 0)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, room: int, ink: str
) -> None:
    """One line of at most `room` pixels, by the first font that has all of its letters.

    Letters that no font at hand has are written as `\\u6797`, and so are line breaks.
    """
    *_, widest = _fonts()
    text = "".join(
        letter if letter.isprintable() and _has(widest, letter) else _escaped(letter)
        for letter in text
    )
    font = next(font for font in _fonts() if all(_has(font, letter) for letter in text))
    while text and pen.textlength(text, font) > room:
        text = text[:-1]
    pen.text(place, text, ink, font)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


@cache
def _fonts() -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, ...]:
    """Pillow's font, then DejaVu Sans, which has more, where matplotlib brings it."""
    found = importlib.util.find_spec("matplotlib")
    folder = Path(found.origin).parent if found and found.origin else Path()
    path = folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    fonts = [ImageFont.load_default(SIZE)]
    return (*fonts, ImageFont.truetype(path, SIZE)) if path.is_file() else tuple(fonts)


@cache
def _has(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, letter: str) -> bool:
    """Whether a font has a letter: what it lacks is drawn as this code point, which none has."""
    return letter.isspace() or _drawn(font, letter) != _drawn(font, "\U0010ffff")


def _drawn(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, letter: str) -> bytes:
    image = Image.new("L", (2 * SIZE, 2 * SIZE))
    ImageDraw.Draw(image).text((0, 0), letter, 255, font)
    return image.tobytes()


def thumbnail(face: np.ndarray) -> np.ndarray:
    """The 16x16 face that `refs_lr` sees, uint8 RGB: PIL's bicubic of the published image."""
    return resized(face, THUMBNAIL)


def resized(face: np.ndarray, side: int) -> np.ndarray:
    """A square face, uint8 RGB, at (side, side, 3): PIL's antialiased bicubic."""
    return np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
