"""Formats of images: their first bytes, their one decoder, and what is refused as too large."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from faceref.errors import UnreadableImage

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
    *(".avif", ".heic", ".heif", ".ppm", ".pgm"),
)
"""Endings, in lower case, of the files that are taken for images."""
MAX_PIXELS = 100_000_000
"""Images above this are refused before they are decoded: they would fill the memory."""
MAX_BYTES = 1 << 30
"""Files above this are refused before they are read."""
_JPEG_PIXELS_PER_BYTE = 1024
"""More than a whole JPEG can hold: a block of 64 pixels takes a bit at least."""
_JPEG_WORK = 4_000_000_000
"""Pixels times passes of a progressive JPEG: ten times what cameras and editors write."""
_OWN_DECODER = ("AVIF", "HEIF", "WEBP")
"""Pillow calls their pixels `raw` since others decode them: in the file they are compressed."""
_PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def kind_of(head: bytes) -> str:
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


def open_as(file: BinaryIO, kind: str) -> Image.Image:
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


def refuse_large(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImage(f"over {MAX_PIXELS:,} pixels")


def refuse_unfilled(image: Image.Image, kind: str, size: int) -> None:
    """Refuse pixels that are not compressed and still more than the bits of the file."""
    if kind in _OWN_DECODER:
        return
    codecs = {tile[0] for tile in getattr(image, "tile", ())}
    if codecs == {"raw"} and image.width * image.height > 8 * size:
        raise UnreadableImage("cut off")


def refuse_bomb(image: Image.Image, file: BinaryIO, size: int) -> None:
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


def without_metadata(data: bytes, kind: str) -> bytes:
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
