import os
from pathlib import Path

import pytest

from faceref.files import file_sha256, replacing, write_json

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "numbers.json"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.name == path.name
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]):
    path = tmp_path / "numbers.json"
    path.write_text("old")

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_as_json_leaves_no_file(tmp_path: Path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "value.json", {"path": tmp_path})
    assert not list(tmp_path.iterdir())


def test_sha256_notices_a_file_changed_in_place(tmp_path: Path):
    """The size is the same, and so is the time of change that whoever wrote it set."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert file_sha256(path) == EMPTY
    path.write_bytes(b"one")
    first, times = file_sha256(path), path.stat()
    with path.open("r+b") as file:
        file.write(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert file_sha256(path) != first
    path.write_bytes(b"")
    assert file_sha256(path) == EMPTY
