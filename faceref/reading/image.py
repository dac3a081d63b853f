"""One boundary for images that we did not write: bytes or a file in, upright RGB or a reason out.

Decoders raise what they like (`NotImplementedError`, `struct.error`, `RecursionError`, ...), so
whatever one raises becomes an `UnreadableImage`, whose text is the reason. Only the formats of
`kind_of` are ever tried, each by its one decoder.
"""

from __future__ import annotations

import io
import math
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from faceref.errors import UnreadableImage
from faceref.reading.image_format import (
    MAX_BYTES,
    MAX_PIXELS,
    kind_of,
    open_as,
    refuse_bomb,
    refuse_large,
    refuse_unfilled,
    without_metadata,
)
from faceref.reading.jpeg import jpeg_steps
from faceref.reading.pixels import to_rgb

_ORIENTATION = 0x0112
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}
"""What turns an image of each EXIF orientation upright."""
_ON_ITS_SIDE = 5
"""Orientations from here on change rows for columns."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """An image as it is looked at."""

    pixels: np.ndarray
    """uint8 RGB (H, W, 3), upright; what is transparent is laid over the grey 128."""
    alpha: np.ndarray | None
    """uint8 (H, W), 255 where opaque; None where the whole image is opaque."""
    mode: str
    """Pillow's name of how the file holds its pixels: `RGB`, `L`, `CMYK`, `I;16`, ..."""
    steps: np.ndarray | None = None
    """Of a JPEG, the step in which each coefficient of blocks of 8x8 pixels was rounded: float32
    (8, 8, 3) by row, column and Y, Cb, Cr, on the scale of an orthonormal DCT; infinite where none
    was kept. None of a JPEG that was read smaller."""
    shrunk: int = 1
    """By how much each side is smaller than the file says."""


def shrink_for(width: int, height: int, longest: float) -> int:
    """8, 4 or 2 where an image divided by that has a longer side of `longest` at least, or 1.

    Both sides must divide, so that pixels of the smaller image are whole squares of the larger.
    """
    for shrink in (8, 4, 2):
        if width % shrink == height % shrink == 0 and max(width, height) >= shrink * longest:
            return shrink
    return 1


def decode(data: bytes | str | Path, longest: float = math.inf) -> Decoded:
    """Decode an image of a user, whatever it holds, to upright 8-bit RGB.

    Read are JPEG, PNG, WebP, TIFF, GIF, BMP, PPM, AVIF and, with the extra `heif`, HEIC; of an
    animation the first frame. 16-bit grey is divided by 257; of other deep grey (32-bit integers,
    floats) the range 0 to 1, 0 to 255 or 0 to 65535 that holds its values becomes 0 to 255, and
    where none does, its own lowest and highest value. Damaged metadata, EXIF among them, cost
    the orientation and not the image.

    Args:
        data: An encoded image, or the path of one.
        longest: Pixels that the longer side needs. A JPEG is read at 1/2, 1/4 or 1/8 of its size
            where that is enough, see `shrink_for`: it takes less time.

    Returns:
        The pixels, and their transparency where there is any.

    Raises:
        UnreadableImage: With the reason, in words that need no knowledge of decoders.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("L", (4, 3), 255).save(file, "PNG")
        >>> decode(file.getvalue()).pixels.shape
        (3, 4, 3)
    """
    _silence_pillow()
    try:
        if isinstance(data, bytes):
            refuse_size(len(data))
            return _decoded(io.BytesIO(data), len(data), longest)
        with _opened(Path(data)) as (file, size):
            return _decoded(file, size, longest)
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage("needs more memory than there is") from error


def read_file(path: Path) -> bytes:
    """The bytes of a user's file; raises UnreadableImage where it is none, or far too large."""
    with _opened(path) as (file, _):
        return file.read()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The open file and its size; a pipe is never opened, since it would be waited for."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise UnreadableImage("not a file")
        refuse_size(state.st_size)
        with path.open("rb") as file:
            yield file, state.st_size
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise UnreadableImage(f"cannot be read ({why(error)})") from error


def why(error: Exception) -> str:
    """What an error of a file says, in a line and without the path."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0][:120]


def refuse_size(size: int) -> None:
    """Raise UnreadableImage for a file of `size` bytes that holds nothing, or far too much."""
    if size == 0:
        raise UnreadableImage("empty file")
    if size > MAX_BYTES:
        raise UnreadableImage(f"over {MAX_BYTES:,} bytes")


def _decoded(file: BinaryIO, size: int, longest: float) -> Decoded:
    """The image in `file` of `size` bytes; once more without its metadata where they are bad."""
    kind = kind_of(file.read(64))
    try:
        return _attempt(file, kind, size, longest)
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # a decoder may raise anything
        file.seek(0)
        data = file.read()
        bare = without_metadata(data, kind)
        if bare != data:
            with suppress(Exception):  # no better without: the first error is the reason
                return _attempt(io.BytesIO(bare), kind, len(bare), longest)
        raise UnreadableImage(_reason(kind, error)) from error


def _attempt(file: BinaryIO, kind: str, size: int, longest: float) -> Decoded:
    with open_as(file, kind) as image:
        refuse_large(image)
        refuse_unfilled(image, kind, size)
        if kind == "JPEG":
            refuse_bomb(image, file, size)
        width, height = image.size
        if kind == "JPEG" and (shrink := shrink_for(width, height, longest)) > 1:
            image.draft(None, (width // shrink, height // shrink))
        shrunk = width // image.width
        image.load()
        refuse_large(image)
        orientation = _orientation(image)
        turn = _UPRIGHT.get(orientation)
        pixels, alpha = to_rgb(image)
        mode, steps = image.mode, jpeg_steps(image) if shrunk == 1 else None
    if alpha is not None and alpha.min(initial=255) == 255:
        alpha = None
    if turn is not None:
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
        if steps is not None and orientation >= _ON_ITS_SIDE:
            steps = steps.swapaxes(0, 1)
    return Decoded(pixels, alpha, mode, steps, shrunk)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where there is none or the EXIF block is damaged."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF raises anything
        return 1
    return found if isinstance(found, int) else 1


def _reason(kind: str, error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, Image.DecompressionBombError):
        return f"over {MAX_PIXELS:,} pixels"
    if "truncated" in text or "unexpected end" in text or isinstance(error, EOFError):
        return "cut off"
    if isinstance(error, UnidentifiedImageError):
        return f"damaged {kind} data, or a rare kind of {kind}"
    return f"damaged {kind} data"


@cache
def _silence_pillow() -> None:
    """Keep Pillow's warnings, which do not name the file, off the screen: a reason says it."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
