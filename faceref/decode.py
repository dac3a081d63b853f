"""One boundary for images that we did not write: bytes or a file in, upright RGB or a reason out.

Decoders raise what they like (`NotImplementedError`, `struct.error`, `RecursionError`, ...), so
whatever one raises becomes an `UnreadableImage`, whose text is the reason. Only the formats of
`_kind_of` are ever tried, each by its one decoder.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from faceref.errors import FaceRefError

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
    *(".avif", ".heic", ".heif", ".ppm", ".pgm"),
)
"""Endings, in lower case, of the files that are taken for images."""
MAX_PIXELS = 100_000_000
"""Images above this are refused before they are decoded: they would fill the memory."""
MAX_BYTES = 1 << 30
"""Files above this are refused before they are read."""
GROUND = 128
"""Grey that transparent images are laid over."""
BAND = 1 << 22
"""Pixels that are converted at a time, so that a large image is held once and not three times."""

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
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Modes of grey that is not 8-bit."""
_JPEG_PIXELS_PER_BYTE = 1024
"""More than a whole JPEG can hold: a block of 64 pixels takes a bit at least."""
_JPEG_WORK = 4_000_000_000
"""Pixels times passes of a progressive JPEG: ten times what cameras and editors write."""
_PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class UnreadableImage(FaceRefError):
    """An image that cannot be used; the message is the reason, without the name of the file."""


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
    was kept."""


def decode(data: bytes | str | Path) -> Decoded:
    """Decode an image of a user, whatever it holds, to upright 8-bit RGB.

    Read are JPEG, PNG, WebP, TIFF, GIF, BMP, PPM, AVIF and, with the extra `heif`, HEIC; of an
    animation the first frame. 16-bit grey is divided by 257; of other deep grey (32-bit integers,
    floats) the range 0 to 1, 0 to 255 or 0 to 65535 that holds its values becomes 0 to 255, and
    where none does, its own lowest and highest value. Damaged metadata, EXIF among them, cost
    the orientation and not the image.

    Args:
        data: An encoded image, or the path of one.

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
            return _decoded(io.BytesIO(data), len(data))
        with _opened(Path(data)) as (file, size):
            return _decoded(file, size)
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage("needs more memory than there is") from error


def jpeg_steps(image: Image.Image) -> np.ndarray | None:
    """The steps in which a JPEG that Pillow has opened was rounded; None of other images.

    Args:
        image: As `PIL.Image.open` gives it: what is made of it has no tables any more.

    Returns:
        See `Decoded.steps`.
    """
    named: dict[int, list[int]] = getattr(image, "quantization", {})
    tables = {name: np.reshape(table, (8, 8)) for name, table in named.items()}
    layers = [layer for layer in getattr(image, "layer", ()) if layer[3] in tables]
    if not layers:
        return None
    widest, highest = (max(layer[side] for layer in layers) for side in (1, 2))
    found = np.full((8, 8, 3), np.inf, np.float32)
    for place in range(3):
        _, across, down, name = layers[place if len(layers) >= 3 else 0]
        # A colour that was shrunk has its coefficients among the first ones of the larger image.
        rows, columns = max(1, highest // down), max(1, widest // across)
        known = tables[name][::rows, ::columns]
        found[: len(known), : known.shape[1], place] = known * np.sqrt(rows * columns)
    return found


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


def _decoded(file: BinaryIO, size: int) -> Decoded:
    """The image in `file` of `size` bytes; once more without its metadata where they are bad."""
    kind = _kind_of(file.read(64))
    try:
        return _attempt(file, kind, size)
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # a decoder may raise anything
        file.seek(0)
        data = file.read()
        bare = _without_metadata(data, kind)
        if bare != data:
            with suppress(Exception):  # no better without: the first error is the reason
                return _attempt(io.BytesIO(bare), kind, len(bare))
        raise UnreadableImage(_reason(kind, error)) from error


def _attempt(file: BinaryIO, kind: str, size: int) -> Decoded:
    with _open(file, kind) as image:
        _refuse_large(image)
        _refuse_unfilled(image, size)
        if kind == "JPEG":
            _refuse_bomb(image, file, size)
        image.load()
        _refuse_large(image)
        orientation = _orientation(image)
        turn = _UPRIGHT.get(orientation)
        pixels, alpha = _rgb(image)
        mode, steps = image.mode, jpeg_steps(image)
    if alpha is not None and alpha.min(initial=255) == 255:
        alpha = None
    if turn is not None:
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
        if steps is not None and orientation >= _ON_ITS_SIDE:
            steps = steps.swapaxes(0, 1)
    return Decoded(pixels, alpha, mode, steps)


def _kind_of(head: bytes) -> str:
    """The format by its first bytes; raises UnreadableImage for all that are not read."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brands = {head[place : place + 4] for place in (8, *range(16, len(head) - 3, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
            return "HEIF"
    for kind, start in _STARTS:
        if start.match(head):
            return kind
    if re.match(rb"\s*<", head):
        raise UnreadableImage("no image but a web page, or XML")
    if head.startswith(b"version https://git-lfs"):
        raise UnreadableImage("no image but a pointer of Git LFS: get the file with git lfs pull")
    raise UnreadableImage("no image of a format that can be read")


_STARTS = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("TIFF", re.compile(rb"MM\0[*+]|II[*+]\0", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("BMP", re.compile(rb"BM")),
    ("PPM", re.compile(rb"P[1-6fF]\s")),
)


def _open(file: BinaryIO, kind: str) -> Image.Image:
    file.seek(0)
    if kind == "HEIF":
        try:
            from pillow_heif import HeifImageFile
        except ImportError as error:
            raise UnreadableImage("HEIC needs pip install 'face-ref[heif]'") from error
        return HeifImageFile(file)
    try:
        return Image.open(file, formats=[kind])
    except KeyError as error:
        if error.args != (kind,):
            raise
        raise UnreadableImage(f"{kind} needs a newer Pillow: pip install -U pillow") from error


def _refuse_large(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImage(f"over {MAX_PIXELS:,} pixels")


def _refuse_unfilled(image: Image.Image, size: int) -> None:
    """Refuse pixels that are not compressed and still more than the bits of the file."""
    codecs = {tile[0] for tile in getattr(image, "tile", ())}
    if codecs == {"raw"} and image.width * image.height > 8 * size:
        raise UnreadableImage("cut off")


def _refuse_bomb(image: Image.Image, file: BinaryIO, size: int) -> None:
    """Refuse a few bytes that claim many pixels, and passes without end over them."""
    pixels = image.width * image.height
    if pixels > size * _JPEG_PIXELS_PER_BYTE:
        raise UnreadableImage("cut off")
    if pixels > 1_000_000:
        place = file.tell()
        file.seek(0)
        passes = file.read().count(b"\xff\xda")
        file.seek(place)
        if passes * pixels > _JPEG_WORK:
            raise UnreadableImage("damaged JPEG data")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where there is none or the EXIF block is damaged."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF raises anything
        return 1
    return found if isinstance(found, int) else 1


def _rgb(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels (H, W, 3) over the ground and their alpha (H, W), as the file has them."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    if image.mode in _DEEP:
        black, white = _range(image)
        for rows, part in _bands(image):
            pixels[rows] = _eight_bit(np.asarray(part), black, white)[..., None]
        return pixels, None
    if not image.has_transparency_data:
        for rows, part in _bands(image):
            pixels[rows] = np.asarray(part.convert("RGB"))
        return pixels, None
    alpha = np.empty((height, width), np.uint8)
    for rows, part in _bands(image):
        layers = np.asarray(part.convert("RGBA"))
        alpha[rows] = layers[..., 3]
        share = layers[..., 3:].astype(np.uint16)
        pixels[rows] = (layers[..., :3] * share + GROUND * (255 - share) + 127) // 255
    return pixels, alpha


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """The image in horizontal bands of about `BAND` pixels; a small one is its own band."""
    step = max(1, BAND // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        whole = bottom - top == image.height
        yield slice(top, bottom), image if whole else image.crop((0, top, image.width, bottom))


def _range(image: Image.Image) -> tuple[float, float]:
    """The values of a deep grey image that become black and white, see `decode`."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return 0.0, 65535.0
    found = [values for _, part in _bands(image) if (values := _finite(np.asarray(part))).size]
    if not found:
        return 0.0, 1.0
    low = float(min(values.min() for values in found))
    high = float(max(values.max() for values in found))
    for white in (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0):
        slack = white / 4 if image.mode == "F" else 0.0  # filters overshoot
        if low >= -slack and high <= white + slack:
            return 0.0, white
    return low, high


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _eight_bit(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """uint8 of `values`, of which `black` becomes 0 and `white` 255; NaN is black."""
    scale = 255 / (white - black) if white > black else 0.0
    with np.errstate(all="ignore"):
        scaled = (values.astype(np.float64) - black) * scale
    return np.rint(np.nan_to_num(scaled, nan=0.0).clip(0, 255)).astype(np.uint8)


def _without_metadata(data: bytes, kind: str) -> bytes:
    """`data` with nothing but the image, as far as the format makes that easy."""
    if kind == "PNG":
        return data[:8] + b"".join(_needed_chunks(data))
    return data.replace(b"Exif", b"none").replace(b"MPF\0", b"none")


def _needed_chunks(data: bytes) -> Iterator[bytes]:
    place = 8
    while place + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        if name in _PNG_NEEDED:
            yield data[place : place + size + 12]
        place += size + 12


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
