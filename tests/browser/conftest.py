"""The page in a real Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.report.leaderboard import Leaderboard
from benchmark.report.site.build import GALLERY, write_site
from benchmark.report.site.gallery import IMAGES
from benchmark.report.site.serve import address, open_server

REPORTS = Path(__file__).resolve().parents[2] / "reports"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _chromium() -> str:
    """Chromium of $CHROMIUM or of the system; the test is skipped where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One headless Chromium for all tests."""
    reason = "no Playwright: pip install 'face-ref[browser]'"
    sync_api = pytest.importorskip("playwright.sync_api", reason=reason)
    path = _chromium()
    # Without a sandbox: in containers tests often run as root, where Chromium has none.
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the committed results, written anew, with the committed images."""
    folder = tmp_path_factory.mktemp("page") / "site"
    shutil.copytree(REPORTS / "site" / IMAGES, folder / IMAGES)
    shutil.copy(REPORTS / "site" / GALLERY, folder)
    return write_site(Leaderboard.of(REPORTS / "results"), folder).parent


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    """Address of the page, served as `facebench serve` does."""
    with open_server(site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield address(server)
        server.shutdown()
        thread.join()


@pytest.fixture
def open_page(browser: Any, served: str) -> Iterator[Callable[..., Any]]:
    """Opens the page, or another address, in a window; a message on the console fails the test."""
    contexts, said = [], []

    def opened(at: str = served, width: int = 1280, **options: object) -> Any:
        size = {"width": width, "height": 800}
        contexts.append(browser.new_context(viewport=size, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
        page.goto(at)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
