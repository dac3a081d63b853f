"""Files: written whole or not at all, and known by their SHA-256."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from faceref.errors import WAYS_OUT, FaceRefError, UnwritableError, cannot_write
from faceref.outputs.leftovers import sweep_once, temporary_name

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which becomes `path` when the block ends without an error.

    Whoever reads `path` meanwhile finds the old file or none, never a half-written one. It lies in
    a folder of this process's own, under the same name, since some formats (torch's) hold the name
    of their file; the folder goes, after an error, too. What killed
    processes have left beside `path` goes as well.

    Args:
        path: The file to write; its folder is made.

    Yields:
        Where to write.

    Raises:
        UnwritableError: Where the system does not let it be written: the disk is full, ...
        FaceRefError: Where a folder, a device or a pipe has that name: it is left as it is.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "numbers.txt"
        >>> with replacing(path) as temporary:
        ...     _ = temporary.write_text("1 2 3")
        >>> path.read_text()
        '1 2 3'
    """
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a device or a pipe, no file"
        raise FaceRefError(f"{path} is {what}: it is left alone. Give the name of a file.")
    folder = path.with_name(temporary_name(path.name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    sweep_once(folder.parent.absolute())
    try:
        yield folder / path.name
        (folder / path.name).replace(path)
    except OSError as error:
        # One that names a file from elsewhere is of reading it.
        named = str(error.filename or folder)
        if error.errno in WAYS_OUT and named.startswith(str(folder)):
            raise cannot_write(path, error) from error
        raise
    except UnwritableError as error:
        # Of a file in the temporary folder, whose name means nothing to anybody.
        if isinstance(error.__cause__, OSError):
            raise cannot_write(path, error.__cause__) from error.__cause__
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """An open file whose content becomes `path` when the block ends, see `replacing`.

    What is written by name may be taken for an address: pyarrow does so with `a:b`.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        yield file


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet, whole, see `replacing`."""
    import pyarrow.parquet as pq

    with writing(path) as file:
        pq.write_table(table, file)


def copy_file(source: Path, path: Path) -> None:
    """Copy the file `source` to `path`, whole, see `replacing`."""
    with source.open("rb") as file, writing(path) as out:
        shutil.copyfileobj(file, out, 1 << 20)


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
