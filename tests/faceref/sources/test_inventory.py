from pathlib import Path

import pytest

from faceref.errors import FaceRefError
from faceref.sources.inventory import Count, Inventory, count, md5

NAMES = [f"{index}.jpg" for index in range(9)]


def test_first_names_and_how_many_more():
    found = count("images", NAMES, {"0.jpg"})
    assert found.text() == ("1 of 9 images; missing: 1.jpg, 2.jpg, 3.jpg, 4.jpg, 5.jpg and 3 more")
    assert count("images", NAMES, set(NAMES)).complete


def test_faults_are_errors_even_of_a_partial_copy():
    broken = Inventory("Faces", "/faces", (Count("images", 3, 3),), ("x has MD5 y.",))
    with pytest.raises(FaceRefError, match="x has MD5 y"):
        broken.require(partial=True)
    short = Inventory("Faces", "/faces", (Count("images", 2, 3),))
    with pytest.raises(FaceRefError, match=r"2 of 3 images\. .*--partial"):
        short.require(partial=False)
    short.require(partial=True)
    assert "/faces" not in str(short.manifest())


def test_a_file_that_changed_is_summed_again(tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert md5(path) == "900150983cd24fb0d6963f7d28e17f72"
    path.write_bytes(b"")
    assert md5(path) == "d41d8cd98f00b204e9800998ecf8427e"
