"""Text files, whatever editor wrote them."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from faceref.errors import FaceRefError
from faceref.reading.boundary import reading

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""What PowerShell's `>` and Windows' editors put in front of UTF-16."""


def read_text(path: Path, way_out: str) -> str:
    """A text file in UTF-8, or in UTF-16 with its byte order mark; the mark is left out.

    Args:
        path: The file.
        way_out: What to do where it cannot be read.

    Raises:
        FaceRefError: Where it cannot be read, is empty, or is no text.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "ids.txt"
        >>> _ = path.write_bytes(b"\\xef\\xbb\\xbfada/1")
        >>> read_text(path, "Give one image id a line.")
        'ada/1'
    """
    with reading(path, way_out):
        data = path.read_bytes()
    if not data:
        raise FaceRefError(f"{path} is empty: it has 0 bytes. {way_out}")
    try:
        return data.decode("utf-16" if data.startswith(_WIDE) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FaceRefError(
            f"{path} is no text in UTF-8: line {line} has the byte {data[error.start]:#04x}. "
            f"{way_out}"
        ) from error


def read_lines(path: Path, way_out: str) -> list[str]:
    """The lines of `read_text` without their ends; only carriage return and newline end a line."""
    return re.split(r"\r\n?|\n", read_text(path, way_out))


def separator(header: str) -> str:
    """What separates the cells of a CSV, by its first line: a comma, a semicolon or a tab."""
    return max(",;\t", key=header.count)
