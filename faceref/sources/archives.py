"""Encoded images inside larger files, read one at a time from any thread or process.

A blob knows its file and the place in it, and opens the file for each read: nothing is shared, so
there is nothing to lock, and a blob can be pickled to a worker.
"""

from __future__ import annotations

import atexit
import gzip
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from faceref.errors import FaceRefError
from faceref.reading.image_format import MAX_BYTES

_LOCAL_HEADER = 30
"""Bytes of a zip's local file header before the name (PKWARE APPNOTE, 4.3.7)."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes `offset` to `offset + size` of a file."""

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """See `Blob.read`."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return _exactly(file.read(self.size), self.size)


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A member of a zip archive, stored or deflated."""

    path: Path
    offset: int
    """Of the local file header."""
    size: int
    """Bytes in the archive."""
    deflated: bool
    crc: int

    def read(self) -> bytes:
        """See `Blob.read`; a wrong CRC-32 raises ValueError."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            header = _exactly(file.read(_LOCAL_HEADER), _LOCAL_HEADER)
            file.seek(sum(struct.unpack_from("<HH", header, 26)), 1)
            data = _exactly(file.read(self.size), self.size)
        try:
            if self.deflated:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_BYTES)
        except zlib.error as error:
            raise ValueError(f"damaged member of the zip at byte {self.offset}") from error
        if zlib.crc32(data) != self.crc:
            raise ValueError(f"wrong CRC-32 of the zip at byte {self.offset}")
        return data


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError(f"the archive ends {size - len(data)} bytes too early")
    return data


def zip_members(path: Path) -> dict[str, ZipMember]:
    """The files of a zip by their name in it, none of them read.

    Raises FaceRefError where `path` is no whole zip or packs in another way than deflate.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise FaceRefError(f"{path} is no whole zip archive ({error}). Get it again.") from error
    known = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if any(info.compress_type not in known or info.flag_bits & 1 for info in found):
        raise FaceRefError(
            f"{path} is encrypted or not packed by deflate. Unpack it and give the folder."
        )
    return {
        info.filename: ZipMember(
            path,
            info.header_offset,
            info.compress_size,
            info.compress_type == zipfile.ZIP_DEFLATED,
            info.CRC,
        )
        for info in found
    }


def tar_members(path: Path) -> dict[str, Slice]:
    """The files of a `.tar`, or of a `.tgz`, by their name in it.

    A `.tgz` has no random access: it is unpacked once to a plain tar in a temporary folder, which
    goes when the process ends. Raises FaceRefError where `path` is no whole archive.
    """
    try:
        plain = path if path.suffix == ".tar" else _inflated(path)
        with tarfile.open(plain, "r:") as archive:
            return {
                info.name: Slice(plain, info.offset_data, info.size)
                for info in archive
                if info.isfile()
            }
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FaceRefError(f"{path} is no whole tar archive ({error}). Get it again.") from error


def _inflated(path: Path) -> Path:
    plain = scratch_folder() / path.with_suffix(".tar").name
    with gzip.open(path) as packed, plain.open("wb") as out:
        shutil.copyfileobj(packed, out, 1 << 20)
    return plain


def scratch_folder() -> Path:
    """A new temporary folder (below `TMPDIR`), removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="faceref-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
