import hashlib
import os
from pathlib import Path

import pytest

from faceref.files import file_sha256, replacing


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_changed_in_place_has_another_sha256(tmp_path: Path):
    path = tmp_path / "weights"
    path.write_bytes(b"before")
    assert file_sha256(path) == _sha256(b"before")
    written = path.stat()
    with path.open("r+b") as file:
        file.write(b"behind")
    # The same size, inode and time of change, as of a copy that keeps times.
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert path.stat().st_ino == written.st_ino
    assert file_sha256(path) == _sha256(b"behind")


def test_a_file_that_is_as_it_was_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "weights"
    path.write_bytes(b"content")
    found = file_sha256(path)
    monkeypatch.setattr(Path, "open", None)
    assert file_sha256(path) == found


def _write_half(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(b"ne")
        raise RuntimeError("full")


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "table"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="full"):
        _write_half(path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["table"]
