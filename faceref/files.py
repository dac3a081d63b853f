"""Files: written whole or not at all, and known by their SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which becomes `path` when the block ends without an error.

    Whoever reads `path` meanwhile finds the old file or none, never a half-written one. It lies in
    a folder of this process's own, under the same name, since some formats (torch's) hold the name
    of their file; the folder goes, after an error, too.

    Args:
        path: The file to write; its folder must exist.

    Yields:
        Where to write.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "numbers.txt"
        >>> with replacing(path) as temporary:
        ...     _ = temporary.write_text("1 2 3")
        >>> path.read_text()
        '1 2 3'
    """
    folder = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    folder.mkdir(exist_ok=True)
    try:
        yield folder / path.name
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` whole, see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole, see `replacing`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, whole, see `replacing`."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    It is computed once for a file as it is: a file that was changed since (another size, inode
    or time of change) is read again.

    Args:
        path: A file.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "empty"
        >>> path.touch()
        >>> file_sha256(path)[:12]
        'e3b0c44298fc'
    """
    now = path.stat()
    return _sha256_of(path, (now.st_size, now.st_ino, now.st_mtime_ns, now.st_ctime_ns))


@lru_cache(maxsize=256)
def _sha256_of(path: Path, _as_it_stands: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def refuse_existing(out: Path, overwrite: bool) -> None:
    """Raise FaceRefError where `out` exists and may not be replaced."""
    if out.exists() and not overwrite:
        raise FaceRefError(
            f"{out} exists already. Give --overwrite to replace it, or choose another --out."
        )
