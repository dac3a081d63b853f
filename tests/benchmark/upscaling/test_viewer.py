"""What the page of `facebench app` shows, without Gradio."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import benchmark
from benchmark.cli.app import app
from benchmark.upscaling.app import LOCAL, SAMPLE, _free_port, first_count
from benchmark.upscaling.faces import UpscaledFace
from benchmark.upscaling.viewer import (
    SCREEN,
    SHOWN,
    Viewer,
    faces_page,
    is_crop,
    preview,
    read,
    write_examples,
)
from faceref.errors import FaceRefError
from faceref.mining.gallery import FoundReference


@pytest.fixture(scope="module")
def viewer() -> Viewer:
    return Viewer({"sample": benchmark.Upscaler.from_pretrained(count=2)})


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_examples(tmp_path_factory.mktemp("examples"))


def test_every_face_of_the_example_photograph_is_found(viewer: Viewer, examples: list[Path]):
    said: list[str] = []
    view = viewer.view(examples[0], "sample", 3, False, said.append)
    small = np.asarray(Image.open(examples[0]))
    assert len(view.result.faces) == 8
    assert view.before.shape == view.after.shape == view.result.image.shape
    assert view.after.shape[:2] == (4 * small.shape[0], 4 * small.shape[1])
    # Where no face is, nothing differs; where one is, something does.
    assert (view.before[:20] == view.after[:20]).all()
    assert (view.before != view.after).any()
    assert {face.scale for face in view.result.faces} == {4, 8}
    given = [3 if face.scale == 8 else 0 for face in view.result.faces]
    assert [len(face.references) for face in view.result.faces] == given
    assert len(re.findall(r'class="reference"', view.faces)) == sum(given)
    assert said == ["Finding and super-resolving faces", "Drawing the result"]


def test_references_of_the_sample_alone_are_not_given_unasked(viewer: Viewer):
    upscaler = viewer.upscalers["sample"]
    assert first_count(Viewer({SAMPLE: upscaler})) == 0
    assert first_count(Viewer({"mine": upscaler, SAMPLE: upscaler})) == 5


@pytest.mark.parametrize("count", [0, 1, 8])
def test_a_crop_is_given_the_references_asked_for(viewer: Viewer, examples: list[Path], count: int):
    view = viewer.view(examples[1], "sample", count, True, lambda text: None)
    (face,) = view.result.faces
    assert len(face.references) == count
    assert view.after.shape == (128, 128, 3)
    bicubic = Image.open(examples[1]).resize((128, 128), Image.Resampling.BICUBIC)
    assert (view.before == np.asarray(bicubic)).all()
    assert view.faces.count("relevance of reference") == count
    assert ("no references" in view.faces) == (count == 0)
    # The next one is asked again.
    assert viewer.upscalers["sample"].face_upscaler.networks[8].count == 2
    assert viewer.upscalers["sample"].embedder is not None


def test_what_is_transparent_is_so_before_and_after(
    viewer: Viewer, examples: list[Path], tmp_path: Path
):
    crop = Image.open(examples[1]).convert("RGBA")
    crop.putalpha(100)
    crop.save(tmp_path / "clear.png")
    view = viewer.view(tmp_path / "clear.png", "sample", 1, True, lambda text: None)
    assert view.before.shape == view.after.shape == (128, 128, 4)
    assert (view.before[..., 3] == 100).all()
    assert (view.after[..., 3] == 100).all()


def test_an_image_that_is_of_no_use_is_one_line(viewer: Viewer, tmp_path: Path):
    text, black, wide, vast = (tmp_path / name for name in ("a.jpg", "b.png", "c.png", "d.png"))
    text.write_text("no image")
    Image.new("RGB", (40, 40)).save(black)
    Image.new("RGB", (40, 30)).save(wide)
    Image.new("RGB", (4000, 4000)).save(vast)
    wrong = {
        (text, False): r"^a\.jpg: no image of a format that can be read\. Give",
        (black, False): "no face found in 40x40 pixels.*aligned",
        (wide, True): "must be square .* got 40x30.*leave --aligned out",
        (vast, False): "4000x4000 times 4 is over 100,000,000 pixels.*smaller image",
    }
    for (path, aligned), words in wrong.items():
        with pytest.raises(FaceRefError, match=words) as caught:
            viewer.view(path, "sample", 1, aligned, lambda text: None)
        assert "\n" not in str(caught.value)


def test_examples_are_crops_or_a_photograph(examples: list[Path]):
    assert [is_crop(read(path)) for path in examples] == [False, True, True, True]


def test_previews_are_large_enough_to_see_and_small_enough_to_send():
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    assert (preview(pixels)[::12, ::12] == pixels).all()
    assert preview(pixels).shape == (192, 192, 3)
    assert preview(np.zeros((10, 2 * SCREEN, 3), np.uint8)).shape == (5, SCREEN, 3)


def test_faces_are_escaped_counted_and_smallest_first():
    face = np.zeros((128, 128, 3), np.uint8)
    one = UpscaledFace((), 20, 8, None, face[:16, :16], face, [FoundReference("<b>/1", 0.5, face)])
    left = UpscaledFace((), 300, left_alone="300 px: sharp already")
    text = faces_page([left, one])
    assert "&lt;b&gt;/1" in text
    assert "<b>/1" not in text
    assert text.index("20 pixels wide") < text.index("Left as it is: 300 px: sharp already.")
    assert "more faces" not in text
    assert "3 more faces are in the image" in faces_page([left] * (SHOWN + 3))


def test_a_port_is_free_or_refused_in_one_line():
    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        assert _free_port(LOCAL, 0) not in (0, port)
        with pytest.raises(FaceRefError, match=f"Cannot listen on {LOCAL}, port {port}: Address"):
            _free_port(LOCAL, port)
    with pytest.raises(FaceRefError, match=r"Cannot listen on 203\.0\.113\.7"):
        _free_port("203.0.113.7", 0)


def test_without_gradio_the_way_out_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = CliRunner().invoke(app, ["app"])
    assert done.exit_code == 1
    assert done.stderr == "error: The app needs Gradio: pip install 'face-ref[app]'\n"
