import json
import os
import shutil
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import benchmark
from benchmark.cli.app import app
from benchmark.upscaling.files import upscale_files
from benchmark.upscaling.upscaler import Upscaler
from faceref.embed.align import ARCFACE
from faceref.embed.base import Detection
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.outputs.leftovers import temporary_name
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from tests.benchmark.upscaling.films import film
from tests.faceref.fakes import PlainEmbedder, face_image, write_people


class OneFace(PlainEmbedder):
    """Finds a face of 16 pixels in the middle of an image, or one of its own size where named."""

    def detect(self, image: np.ndarray) -> list[Detection]:
        """None in a black image; a face of 16 pixels, or of the whole where it is white above."""
        self.detected += 1
        height, width = image.shape[:2]
        if image.max() == 0:
            return []
        side = width if image[0].min() == 255 else 16
        points = ARCFACE.template * side / 128 + (np.array([width, height]) - side) / 2
        return [Detection((0, 0, width, height), 0.9, points.astype(np.float32))]


@pytest.fixture(scope="module")
def face_ref(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    write_people(root / "people")
    build(
        folder(root / "people"),
        PlainEmbedder(),
        root / "set",
        Recipe(Mining(), SplitRule(0.2, 0.2)),
    )
    return root / "set"


@pytest.fixture
def upscaler(face_ref: Path) -> Upscaler:
    """The network `bicubic`, with an embedder that finds one face."""
    return _upscaler(face_ref)


def _upscaler(face_ref: Path, scale: int = 2) -> Upscaler:
    made = Upscaler(benchmark.load_model("bicubic"), face_ref, aligned=True, scale=scale)
    made.embedder = OneFace()
    return made


def _photo(path: Path, person: int = 0, side: int = 48) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(face_image(person, 0)).resize((side, side)).save(path)


def _sharp(path: Path) -> None:
    pixels = np.asarray(Image.fromarray(face_image(1, 0)).resize((400, 400))).copy()
    pixels[0] = 255
    Image.fromarray(pixels).save(path)


def _huge(path: Path) -> None:
    """A PNG of 400 megapixels in a few hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 2501))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b""))


def _wordy(path: Path) -> None:
    """A PNG with 3 MB of text."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("XML", "x" * 3_000_000, zip=True)
    Image.fromarray(face_image(2, 0)).resize((48, 48)).save(path, pnginfo=info)


@pytest.mark.case("C14")
def test_one_bad_file_never_ends_the_job_and_every_file_is_counted(
    upscaler: Upscaler, tmp_path: Path
):
    given = tmp_path / "photos"
    _photo(given / "a.png")
    _photo(given / "people" / "b.png")
    _huge(given / "huge.png")
    _wordy(given / "wordy.png")
    _sharp(given / "sharp.png")
    (given / "junk.jpg").write_bytes(b"junk")
    (given / "empty.mp4").touch()
    Image.new("RGB", (48, 48)).save(given / "black.png")
    (given / "notes.txt").touch()
    found = upscale_files(given, tmp_path / "out", upscaler, progress=False)
    assert (found.done, found.left_alone) == (3, {"sharp.png": "sharp already"})
    assert found.failed == {
        "black.png": "no face found in 48x48 pixels. Is it an aligned crop of one face? "
        "Then say so: --aligned, in Python aligned=True. Is it another crop? Then cut it with more "
        "around the face.",
        "empty.mp4": "has no frame that can be read",
        "huge.png": "over 100,000,000 pixels",
        "junk.jpg": "no image of a format that can be read",
    }
    assert found.passed_over == {"notes.txt": "no image and no video by its ending"}
    lines = found.summary()
    assert "huge.png: over 100,000,000 pixels" in lines
    assert lines[-2] == (
        "3 super-resolved, 1 left alone (faces: sharp already), 4 failed, 1 passed over: "
        f"{tmp_path / 'out' / 'report.json'}"
    )
    report = json.loads(found.report.read_text())
    made = [file["output"] for file in report["files"]]
    assert made == ["a.png", "people/b.png", "sharp.png", "wordy.png"]
    assert all((tmp_path / "out" / name).is_file() for name in made)
    assert len(report["failed"]) == 4
    assert report["passed_over"] == [
        {"input": "notes.txt", "reason": "no image and no video by its ending"}
    ]


@pytest.mark.case("F status 0 after part failures")
def test_the_status_says_whether_a_file_failed(face_ref: Path, tmp_path: Path):
    _photo(tmp_path / "crops" / "a.png", side=16)
    given = ["upscale", str(tmp_path / "crops"), "--face-ref", str(face_ref), "--aligned"]
    given += ["--weights", "bicubic", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, given).exit_code == 0
    (tmp_path / "crops" / "b.png").write_bytes(b"junk")
    part = CliRunner().invoke(app, given)
    assert part.exit_code == 1
    assert "b.png: no image of a format that can be read\n" in part.output
    (tmp_path / "crops" / "a.png").unlink()
    none = CliRunner().invoke(app, given)
    assert none.exit_code == 1
    assert "0 super-resolved, 0 left alone, 1 failed" in none.output


@pytest.mark.case('F "7 of 9 enlarged" where all were left alone')
def test_files_that_are_left_alone_are_not_counted_as_done(upscaler: Upscaler, tmp_path: Path):
    given = tmp_path / "photos"
    given.mkdir()
    for name in ("a.png", "b.png"):
        _sharp(given / name)
    found = upscale_files(given, tmp_path / "out", upscaler, progress=False)
    assert (found.done, len(found.left_alone), found.failed) == (0, 2, {})
    assert "0 super-resolved, 2 left alone" in found.summary()[-1]


@pytest.mark.case("A3")
def test_the_command_leaves_the_files_of_the_folder_as_they_are(face_ref: Path, tmp_path: Path):
    for name in ("a.png", "b.png"):
        _photo(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    given = ["upscale", str(tmp_path), "--face-ref", str(face_ref), "--aligned"]
    done = CliRunner().invoke(app, [*given, "--weights", "bicubic", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "is the folder that is read" in done.output
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_faces_that_get_none_of_the_references_asked_for_are_mentioned(
    upscaler: Upscaler, tmp_path: Path
):
    _photo(tmp_path / "a.png")
    assert upscaler.count == 5
    lines = upscale_files(tmp_path / "a.png", tmp_path / "out", upscaler, progress=False).summary()
    assert "no face was given references: the x8 network takes none" in lines


def test_a_folder_is_not_named_like_an_image(upscaler: Upscaler, tmp_path: Path):
    _photo(tmp_path / "a.png")
    with pytest.raises(
        FaceRefError, match=r"large\.png is named like a file.*a\.png becomes FOLDER/a\.png"
    ):
        upscale_files(tmp_path / "a.png", tmp_path / "large.png", upscaler, progress=False)


class _Interrupts:
    """A progress that ends the work, as Ctrl-C does, after some files."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, image: np.ndarray) -> Sequence[Detection]:
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt
        return OneFace().detect(image)


def _tree(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.case("F Ctrl-C in `upscale` promises to go on and begins anew")
@pytest.mark.parametrize("explain", [False, True])
def test_an_interrupted_folder_goes_on_and_ends_in_the_same_bytes(
    face_ref: Path, tmp_path: Path, explain: bool, monkeypatch: pytest.MonkeyPatch
):
    given = tmp_path / "photos"
    for person in range(5):
        _photo(given / f"{person}.png", person)
    Image.new("RGB", (48, 48)).save(given / "2b.png")
    upscale_files(given, tmp_path / "whole", _upscaler(face_ref), explain=explain, progress=False)
    for after in (0, 2, 4):
        broken = _upscaler(face_ref)
        assert broken.embedder is not None
        monkeypatch.setattr(broken.embedder, "detect", _Interrupts(after))
        with pytest.raises(KeyboardInterrupt):
            upscale_files(given, tmp_path / "out", broken, explain=explain, progress=False)
        assert not (tmp_path / "out" / "report.json").exists()
        killed = temporary_name("1.png").replace(f"-{os.getpid()}.", "-99999999.")
        left = tmp_path / "out" / killed
        left.mkdir()
        (left / "1.png").write_bytes(b"half")
        upscaler = _upscaler(face_ref)
        upscale_files(given, tmp_path / "out", upscaler, explain=explain, progress=False)
        assert isinstance(upscaler.embedder, OneFace)
        assert upscaler.embedder.detected == 6 - after
        assert _tree(tmp_path / "out") == _tree(tmp_path / "whole")
        assert not left.exists()
        shutil.rmtree(tmp_path / "out")


@pytest.mark.case("F Ctrl-C in `upscale` promises to go on and begins anew")
def test_an_interrupted_video_says_that_it_begins_anew(
    face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _photo(tmp_path / "given" / "a.png")
    film(tmp_path / "given" / "b.avi")
    broken = _upscaler(face_ref)
    assert broken.embedder is not None
    monkeypatch.setattr(broken.embedder, "detect", _Interrupts(3))
    monkeypatch.setattr(benchmark.Upscaler, "from_pretrained", lambda *_, **__: broken)
    words = ["upscale", tmp_path / "given", "--face-ref", face_ref, "--weights", "w", "--out"]
    result = CliRunner().invoke(app, list(map(str, [*words, tmp_path / "out"])))
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        "interrupted; give the same command again: finished files stay, and this video begins "
        "anew: b.avi"
    )
    assert (tmp_path / "out" / "a.png").is_file()
    assert not (tmp_path / "out" / "b.mp4").exists()


def test_an_output_is_made_again_only_where_something_changed(face_ref: Path, tmp_path: Path):
    given, out = tmp_path / "photos", tmp_path / "out"
    for person in range(3):
        _photo(given / f"{person}.png", person)

    def made(scale: int = 2, explain: bool = False) -> int:
        upscaler = _upscaler(face_ref, scale)
        upscale_files(given, out, upscaler, explain=explain, progress=False)
        assert isinstance(upscaler.embedder, OneFace)
        return upscaler.embedder.detected

    assert (made(), made()) == (3, 0)
    (out / "1.png").unlink()
    assert (made(), made()) == (1, 0)
    _photo(given / "2.png", 7)
    assert (made(), made()) == (1, 0)
    assert (made(scale=3), made(scale=3)) == (3, 0)
    with Image.open(out / "0.png") as image:
        assert image.size == (144, 144)
    assert (made(scale=3, explain=True), made(scale=3, explain=True)) == (3, 0)
    (out / "0-explained" / "faces.png").unlink()
    assert (made(scale=3, explain=True), made(scale=3, explain=True)) == (1, 0)
    (out / "report.json").write_text((out / "report.json").read_text().replace('"sha256"', '"x"'))
    assert (made(scale=3, explain=True), made(scale=3, explain=True)) == (3, 0)


@pytest.mark.case("B9")
def test_transparency_is_kept_and_hidden_colours_stay_hidden(upscaler: Upscaler, tmp_path: Path):
    layers = np.dstack([np.full((48, 48, 3), [200, 40, 90]), np.full((48, 48), 255)])
    layers[:, :16] = [0, 255, 0, 0]
    layers[:, 16:32, 3] = 128
    Image.fromarray(layers.astype(np.uint8)).save(tmp_path / "a.png")
    upscale_files(tmp_path / "a.png", tmp_path / "out", upscaler, progress=False)
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert (image.mode, image.size) == ("RGBA", (96, 96))
        result = np.asarray(image).astype(int)
    assert np.abs(result[:, :28] - [128, 128, 128, 0]).max() == 0
    assert np.abs(result[:20, 40:56] - [200, 40, 90, 128]).max() <= 2
    assert np.abs(result[:20, 70:] - [200, 40, 90, 255]).max() <= 1
    in_memory = upscaler(Image.fromarray(layers.astype(np.uint8)))
    assert in_memory.alpha is not None
    assert np.array_equal(np.dstack([in_memory.image, in_memory.alpha]), result)


@pytest.mark.case("B9")
def test_16_bit_grey_is_scaled(upscaler: Upscaler, tmp_path: Path):
    ramp = np.tile(np.linspace(0, 65535, 48).astype(np.uint16), (48, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png")
    upscale_files(tmp_path / "a.png", tmp_path / "out", upscaler, progress=False)
    with Image.open(tmp_path / "out" / "a.png") as image:
        top = np.asarray(image.convert("L"))[4].astype(int)
    assert np.abs(top - np.linspace(0, 255, 96)).max() < 4


@pytest.mark.case("C15")
def test_a_name_that_is_no_text_is_super_resolved(upscaler: Upscaler, tmp_path: Path):
    name = os.fsdecode(b"Jos\xe9.png")
    _photo(tmp_path / "photos" / name)
    found = upscale_files(tmp_path / "photos", tmp_path / "out", upscaler, progress=False)
    assert found.done == 1
    assert (tmp_path / "out" / name).is_file()
    assert "\n".join(found.summary()).encode()
