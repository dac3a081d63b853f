"""The page of `facebench app`: an example, a result, an image that is none, small screens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import benchmark
from benchmark.upscaling.app import SAMPLE, open_app
from benchmark.upscaling.images import NOTICE
from benchmark.upscaling.viewer import Viewer

pytestmark = pytest.mark.browser
WAIT = 60_000
"""Milliseconds for a result: nobody knows how busy the machine is."""


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    """Address of the page; what it kept of images is gone when it ends."""
    pytest.importorskip("gradio", reason="no Gradio: pip install 'face-ref[app]'")
    viewer = Viewer({SAMPLE: benchmark.Upscaler.from_pretrained()})
    with open_app(viewer) as address:
        kept = Path(os.environ["GRADIO_TEMP_DIR"])
        assert kept.is_dir()
        yield address
    assert not kept.exists()
    assert "GRADIO_TEMP_DIR" not in os.environ


@pytest.fixture
def open_here(browser: Any, app: str) -> Iterator[Callable[..., Any]]:
    """Opens the app; an error on the console and a request to another host fail the test."""
    contexts, said = [], []

    def opened(width: int = 1280) -> Any:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: _note(message.type == "error", message.text))
        page.on("pageerror", lambda error: _note(True, str(error)))
        page.on("request", lambda request: _note(not request.url.startswith(here), request.url))
        page.goto(app)
        return page

    def _note(wrong: bool, text: str) -> None:
        said.extend([text] if wrong else [])

    here = (app, "data:", "blob:")

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def _pick(page: Any, place: int) -> None:
    page.locator("button.gallery-item").nth(place).click()
    page.get_by_role("button", name="Super-resolve").click()
    page.locator(".faces .face").first.wait_for()


def _overflow(page: Any) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_an_example_comes_out_larger_with_its_references(
    open_here: Callable[..., Any], tmp_path: Path
):
    page = open_here()
    page.get_by_text(NOTICE).wait_for()
    download = page.get_by_role("button", name="Download the result")
    assert download.is_disabled()
    assert page.get_by_role("spinbutton").input_value() == "0"
    page.get_by_role("spinbutton").fill("3")
    page.get_by_role("spinbutton").press("Tab")
    _pick(page, 1)
    assert page.get_by_role("checkbox", name="Aligned crop").is_checked()
    assert page.locator(".faces img.reference").count() == 3
    assert page.get_by_alt_text("relevance of reference").count() == 3
    before, after = page.locator(".slider-wrap img").all()
    assert before.is_visible()
    assert after.is_visible()
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    assert page.locator(".faces img").evaluate_all(
        "images => images.every((image) => image.naturalWidth > 0)"
    )
    with page.expect_download() as found:
        download.click()
    found.value.save_as(tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as result:
        assert (result.format, result.size) == ("PNG", (128, 128))
        assert result.text["Comment"] == NOTICE  # type: ignore[attr-defined]
        assert np.asarray(result).std() > 10


def test_a_photograph_fits_a_small_screen(open_here: Callable[..., Any]):
    page = open_here(width=390)
    page.get_by_text(NOTICE).wait_for()
    assert _overflow(page) <= 0
    _pick(page, 0)
    assert page.locator(".faces .face").count() == 8
    assert _overflow(page) <= 0
    # Another image: what was made of the one before does not stay.
    page.locator("button.gallery-item").nth(2).click()
    page.locator(".faces .face").first.wait_for(state="detached")
    assert page.get_by_role("button", name="Download the result").is_disabled()


def test_what_is_no_image_is_said_in_the_page(open_here: Callable[..., Any], tmp_path: Path):
    page = open_here()
    (tmp_path / "notes.jpg").write_text("no image")
    Image.new("RGB", (60, 40)).save(tmp_path / "black.png")
    given = page.locator("input[type=file]").first
    given.set_input_files(tmp_path / "notes.jpg")
    page.get_by_text("notes.jpg: no image of a format that can be read.").wait_for()
    assert page.get_by_role("button", name="Super-resolve").is_disabled()
    page.get_by_role("button", name="Clear").first.click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "black.png")
    page.get_by_role("button", name="Super-resolve").click()
    page.get_by_text("no face found in 60x40 pixels.").wait_for()
    assert "Traceback" not in page.locator("body").inner_text()
