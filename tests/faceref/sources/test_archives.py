import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faceref.errors import FaceRefError
from faceref.sources.archives import Slice, zip_members

CONTENT = {f"a/{index}.bin": os.urandom(50 + index) + b"0" * 500 for index in range(40)}


@pytest.fixture(params=[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", request.param) as out:
        out.writestr("a/", b"")
        for name, data in CONTENT.items():
            out.writestr(name, data)
    return path


def test_members_from_many_threads_and_after_pickling(archive: Path):
    members = pickle.loads(pickle.dumps(zip_members(archive)))
    names = list(CONTENT) * 5
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: members[name].read(), names))
    assert found == [CONTENT[name] for name in names]
    assert set(members) == set(CONTENT)


def test_a_damaged_member_is_an_error(archive: Path):
    members = zip_members(archive)
    first = members["a/7.bin"]
    data = bytearray(archive.read_bytes())
    data[first.offset + 30 + len("a/7.bin") + 20] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(ValueError, match=r"wrong CRC-32|damaged member"):
        first.read()
    assert members["a/8.bin"].read() == CONTENT["a/8.bin"]


def test_what_is_no_zip(tmp_path: Path):
    (tmp_path / "x.zip").write_bytes(b"html")
    with pytest.raises(FaceRefError, match="no whole zip archive"):
        zip_members(tmp_path / "x.zip")


def test_other_packing_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as out:
        out.writestr("a", b"a" * 100)
    with pytest.raises(FaceRefError, match="Unpack it"):
        zip_members(tmp_path / "x.zip")


def test_a_slice_beyond_the_end(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"12345")
    assert Slice(tmp_path / "x", 1, 3).read() == b"234"
    with pytest.raises(ValueError, match="2 bytes too early"):
        Slice(tmp_path / "x", 3, 4).read()
