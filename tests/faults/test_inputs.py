"""Cases of kinds A, B and C that people meet beside those of the list; no model is needed."""

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmark.results import files
from faceref.embed.base import Detection
from faceref.embed.choice import likely_faces
from faceref.errors import FaceRefError, UnreadableImage
from faceref.pipeline.build import build
from faceref.reading.image import decode
from faceref.reading.text import read_lines
from faceref.sources.base import Choices
from faceref.sources.folder import folder
from faceref.sources.hf import hf
from faceref.sources.hf_columns import find_columns
from faceref.sources.sample import sample
from tests.benchmark.made_results import made
from tests.faceref.fakes import PlainEmbedder, face_image, write_people
from tests.faults.lines import refuses, works

FACE = face_image(0, 0)
"""uint8 RGB, 128x128."""


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_people(tmp_path / "people", people=4, shots=1)


@pytest.fixture
def index(tiny_build: Path, tmp_path: Path) -> Path:
    """A published index."""
    words = ("publish", tiny_build, "me/set", "--dry-run", "--licence", "mit")
    works("faceref", *words, "--out", tmp_path / "index")
    return tmp_path / "index"


@pytest.mark.case("A+ a source behind a link")
def test_the_target_of_a_link_is_not_replaced(people: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(people)
    before = _files(people)
    words = ("faceref", "build", tmp_path / "link", "--out", people, "--overwrite")
    refuses(*words, says=("is also what is read", "Nothing was changed"))
    assert _files(people) == before


@pytest.mark.case("A+ a report over an image of the source")
def test_a_report_does_not_replace_an_image(index: Path, people: Path, tmp_path: Path):
    before = _files(people)
    words = ("faceref", "hydrate", index, "--source", people, "--source-kind", "folder")
    report = people / "person_00" / "0.png"
    refuses(*words, "--out", tmp_path / "set", "--report", report, says=("left alone",))
    assert _files(people) == before


@pytest.mark.case("A+ a release over photographs")
def test_a_release_does_not_replace_photographs(tiny_build: Path, people: Path):
    before = _files(people)
    words = ("faceref", "publish", tiny_build, "me/set", "--dry-run", "--licence", "mit")
    refuses(*words, "--out", people, says=("is no release, so it is not replaced",))
    refuses(*words, "--out", tiny_build, says=("is also what is read",))
    assert _files(people) == before


@pytest.mark.case("A+ the sample over an image of the same name")
def test_the_sample_does_not_replace_an_image(tmp_path: Path):
    mine = tmp_path / f"{sample().records[5].image_id}.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    refuses("faceref", "sample", "--out", tmp_path, says=(str(mine), "Choose another --out"))
    assert _files(tmp_path) == {mine: b"mine"}


@pytest.mark.case("A+ the site over another page")
def test_the_site_does_not_replace_a_page(tmp_path: Path):
    files.write(made("edsr", 27), tmp_path / "results")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "index.html").write_text("mine")
    words = ("facebench", "site", tmp_path / "results", "--out", tmp_path / "home")
    refuses(*words, says=("holds another page", "index.html", "Choose another"))
    assert (tmp_path / "home" / "index.html").read_text() == "mine"


@pytest.mark.case("A+ a figure, an archive or a sheet over a file of another kind")
@pytest.mark.parametrize("words", [("inspect", "--sheet"), ("archive", "--out")])
def test_a_text_is_not_replaced(tiny_build: Path, tmp_path: Path, words: tuple[str, str]):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    command, option = words
    refuses("faceref", command, tiny_build, option, notes, says=("notes.txt", "Choose from"))
    assert notes.read_text() == "mine"


def _rgb16() -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in FACE.astype(np.uint16) * 257)
    header = struct.pack(">IIBBBBB", 128, 128, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


GREY = Image.fromarray(FACE).convert("L")
BLACK_OR_WHITE = Image.fromarray(np.asarray(GREY) > 128)
MADE = {
    "B+ 16 bits of three channels": (lambda: _rgb16(), FACE, 0),
    "B+ the inks of print": (
        lambda: _saved(Image.fromarray(FACE).convert("CMYK"), "JPEG", quality=95),
        FACE,
        2,
    ),
    "B+ one bit a pixel": (
        lambda: _saved(BLACK_OR_WHITE, "PNG"),
        np.asarray(BLACK_OR_WHITE.convert("RGB")),
        0,
    ),
    "B+ the first of several pages": (
        lambda: _saved(
            Image.fromarray(FACE), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]
        ),
        FACE,
        0,
    ),
    "B+ grey with transparency": (
        lambda: _saved(Image.merge("LA", (GREY, Image.new("L", GREY.size, 255))), "PNG"),
        np.asarray(GREY.convert("RGB")),
        0,
    ),
}
"""How an image is made, what its pixels must be, and by how much they may differ on average."""


@pytest.mark.parametrize(
    ("make", "wanted", "off"),
    [pytest.param(*MADE[name], id=name, marks=pytest.mark.case(name)) for name in MADE],
)
def test_the_pixels_are_those_of_the_image(
    make: Callable[[], bytes], wanted: np.ndarray, off: float
):
    found = decode(make()).pixels
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() <= off


@pytest.mark.case("B+ labels that are lists, records or bytes")
@pytest.mark.parametrize(
    "label",
    [
        datasets.List(datasets.Value("string")),
        {"name": datasets.Value("string")},
        datasets.Value("binary"),
        datasets.Image(),
    ],
)
def test_a_column_that_holds_no_labels_is_refused(label: object):
    columns = {"image": datasets.Image(), "person": label, "who": datasets.Value("string")}
    choices = Choices(Path("set"), image_column="image")
    with pytest.raises(FaceRefError, match=r"'person' holds neither .* \(image, person, who, or"):
        find_columns(columns, choices)
    named = Choices(Path("set"), image_column="image", identity_column="who")
    assert find_columns(columns, named).identity == "who"


@pytest.mark.case("B+ several faces that are nearly equal")
def test_nearly_equal_faces_are_all_likely():
    points = np.zeros((5, 2), np.float32)
    faces = [Detection((x, 50, x + 100, 150), 0.9, points) for x in (50, 200, 350)]
    assert len(likely_faces(faces, 500, 200)) == 3
    large = Detection((0, 0, 300, 200), 0.9, points)
    assert likely_faces([*faces, large], 500, 200) == [(large, 1.0)]


@pytest.mark.case("B+ lists of ids in UTF-16, or with a mark before the first")
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_first_id_of_a_list_is_read(tmp_path: Path, coding: str):
    (tmp_path / "ids.txt").write_bytes("Zoë/1\r\nAda/2\r\n".encode(coding))
    assert read_lines(tmp_path / "ids.txt", "Give ids.") == ["Zoë/1", "Ada/2", ""]


def _parquet(path: Path, size: int | None = None) -> Path:
    """A table of four images and their people, cut off after `size` bytes."""
    images = [{"bytes": record.data, "path": None} for record in sample().records[:4]]
    pq.write_table(pa.table({"image": images, "person": ["a", "b", "c", "d"]}), path)
    path.write_bytes(path.read_bytes()[:size])
    return path


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.mark.case("C+ a Parquet file that is cut off")
def test_a_table_that_is_cut_off_is_named(tmp_path: Path, cache: None):
    whole = _parquet(tmp_path / "whole.parquet")
    assert [record.identity for record in hf(Choices(whole)).records] == ["a", "b", "c", "d"]
    cut = _parquet(tmp_path / "cut.parquet", 3000)
    words = ("faceref", "build", cut, "--source", "hf", "--embedder", "dlib")
    refuses(*words, "--out", tmp_path / "set", says=(str(cut), "Parquet"))


@pytest.mark.case("C+ a file where a folder of faces belongs")
@pytest.mark.parametrize("name", ["faces.parquet", "faces.zip", "me.jpg"])
def test_a_file_is_no_folder_of_faces(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(b"x")
    words = ("faceref", "build", path, "--embedder", "dlib", "--out", tmp_path / "set")
    refuses(*words, says=(f"{path} is a file", "--source hf", "unpacked"))


def _with_tags(tags: bytes) -> bytes:
    """A JPEG with an Exif block written by hand."""
    jpeg, block = _saved(Image.fromarray(FACE), "JPEG"), b"Exif\0\0" + tags
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def _tag(tag: int, kind: int, count: int, value: bytes) -> bytes:
    entry = struct.pack("<HHI4s", tag, kind, count, value)
    return b"II*\0\x08\0\0\0\1\0" + entry + bytes(4)


TAGS = {
    "C+ tags that lead to themselves": _tag(0x8769, 4, 1, struct.pack("<I", 8)),
    "C+ tags beyond the end of the file": _tag(0x8769, 4, 1, struct.pack("<I", 0xFFFFFFF0)),
    "C+ an orientation that is a text": _tag(0x0112, 2, 4, b"abc\0"),
    "C+ an orientation of no value": _tag(0x0112, 3, 0, bytes(4)),
    "C+ a tag of an unknown type": _tag(0x0112, 99, 1, b"\6\0\0\0"),
    "C+ tags without a byte order": b"XX*\0\x08\0\0\0",
}


@pytest.mark.parametrize(
    "tags", [pytest.param(TAGS[name], id=name, marks=pytest.mark.case(name)) for name in TAGS]
)
def test_damaged_tags_cost_nothing_else(tags: bytes):
    found = decode(_with_tags(tags)).pixels
    assert np.array_equal(found, decode(_saved(Image.fromarray(FACE), "JPEG")).pixels)


@pytest.mark.case("C+ a page of the web, a text or nothing under the name of an image")
def test_what_is_no_image_is_rejected_and_the_build_goes_on(tmp_path: Path):
    people = write_people(tmp_path / "people")
    for place, data in enumerate((b"", b"<!DOCTYPE html>", b"not found", bytes(4096))):
        (people / "person_00" / f"bad{place}.jpg").write_bytes(data)
        with pytest.raises(UnreadableImage):
            decode(data)
    (people / "person_00" / "folder.jpg").mkdir()
    build(folder(people), PlainEmbedder(), tmp_path / "set")
    rejects = pq.read_table(tmp_path / "set" / "rejects.parquet").to_pylist()
    assert [row["image_id"] for row in rejects] == [f"person_00/bad{place}" for place in range(4)]
    assert all(row["detail"] for row in rejects)


@pytest.mark.case("C+ one image under the names of all people")
def test_people_that_cannot_be_told_apart_are_said(tmp_path: Path):
    people = write_people(tmp_path / "people", people=4, shots=1)
    (people / "person_01" / "0.png").unlink()
    for person in (0, 2, 3):
        shutil.copy(people / "person_00" / "0.png", people / f"person_{person:02d}" / "1.png")
    with pytest.raises(FaceRefError, match=r"Only 1 person can be told apart \(labels that share"):
        build(folder(people), PlainEmbedder(), tmp_path / "set")
    # A higher threshold may do: what was embedded is kept for it.
    assert list((tmp_path / "set.building").rglob("part-*.parquet"))


@pytest.mark.case("C+ ids in an image, a folder or an empty file")
def test_what_is_no_list_of_ids_is_named(tiny_build: Path, tmp_path: Path):
    image, empty, blank = tmp_path / "a.png", tmp_path / "empty.txt", tmp_path / "blank.txt"
    image.write_bytes(_saved(GREY, "PNG"))
    empty.write_bytes(b"")
    blank.write_text("\n\n")
    for path in (image, tmp_path, empty, blank):
        words = ("faceref", "remove", tiny_build, "--ids", path)
        refuses(*words, says=(str(path), "one image id a line"))


@pytest.mark.case("D+ the folder in which one is has been deleted")
def test_the_folder_one_is_in_is_gone(
    tiny_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    words = ("faceref", "build", os.fspath(tiny_build.parent / "people"), "--out", "set")
    refuses(*words, "--embedder", "dlib", says=("has been deleted", "cd"))
