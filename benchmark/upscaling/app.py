"""The page of `facebench app`: faces super-resolved in the browser, by Gradio.

Nothing leaves the machine: no share link, no analytics, no fonts or scripts of other hosts. What is
uploaded lies in a temporary folder that goes when the app ends.
"""

from __future__ import annotations

import html
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmark
from benchmark.upscaling.images import NOTICE
from benchmark.upscaling.viewer import Viewer, is_crop, preview, read, write_examples
from faceref.api.arguments import as_path
from faceref.console import say
from faceref.errors import FaceRefError

LOCAL = "127.0.0.1"
SAMPLE = "embedded sample"
REFERENCES = 5
"""References for each face, K, where a set is given."""
LARGEST = "200mb"
"""Files above this are refused before they are uploaded."""
INTRODUCTION = f"""# Small faces, larger

**{NOTICE}**

What you give stays on the computer that runs this page, and is deleted when the app ends.
"""
STYLE = """
.faces .face { border-top: 1px solid var(--border-color-primary); padding: 12px 0; }
.faces h3 { font-weight: 600; }
.faces .tiles { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0; }
.faces .references { gap: 16px; }
.faces figure { margin: 0; }
.faces .pair { display: flex; flex-wrap: wrap; gap: 4px; width: min-content; min-width: 212px; }
.faces img { width: 104px; height: 104px; margin: 0; border-radius: 4px; }
.faces .pixels { image-rendering: pixelated; }
.faces figcaption { font-size: 12px; color: var(--body-text-color-subdued); }
.faces .pair figcaption { width: 212px; overflow-wrap: anywhere; }
@media (max-width: 600px) { .faces img { width: 90px; height: 90px; } }
"""


def serve_app(
    references: Sequence[str | Path] = (),
    *,
    weights: Sequence[str | Path] = (),
    embedder: str | None = None,
    pack: str | None = None,
    device: str = "cpu",
    host: str = LOCAL,
    port: int = 0,
    browser: bool = True,
) -> None:
    """Serve a page that super-resolves faces, until Ctrl-C.

    Args:
        references: Face_Ref folders to choose from, beside the embedded sample.
        weights: As `models` of `benchmark.Upscaler.from_pretrained`.
        embedder: As of `benchmark.Upscaler`.
        pack: As of `benchmark.Upscaler`.
        device: `cpu` or `cuda`.
        host: Address to listen on. Anyone who reaches another than 127.0.0.1 can use the page.
        port: 0 takes a free one.
        browser: Open the browser.

    Raises:
        FaceRefError: Where Gradio is missing or the port is taken, and as `benchmark.Upscaler`
            does.
    """
    _need_gradio()
    options = {"embedder": embedder, "pack": pack, "device": device}
    viewer = Viewer(_open_upscalers(references, weights, options))
    with _ended_by_signal(), open_app(viewer, host=host, port=port, browser=browser) as address:
        say(f"{address} shows the app. Ctrl-C ends.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("ended")


@contextmanager
def open_app(
    viewer: Viewer, *, host: str = LOCAL, port: int = 0, browser: bool = False
) -> Iterator[str]:
    """Serve the page while the context lasts; yields its address."""
    with tempfile.TemporaryDirectory(prefix="facebench-app-") as name, _settings(name):
        gr = _need_gradio()
        folder = Path(name)
        page = _page(gr, viewer, folder)
        _, address, _ = page.launch(
            inbrowser=browser,
            inline=False,
            share=False,
            server_name=host,
            server_port=_free_port(host, port),
            prevent_thread_lock=True,
            quiet=True,
            max_file_size=LARGEST,
            footer_links=[],
            theme=_theme(gr),
            css=STYLE,
        )
        try:
            yield address
        finally:
            page.close(verbose=False)


def _free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0; raises FaceRefError where it cannot be listened on."""
    try:
        with socket.create_server((host, port)) as probe:
            return probe.getsockname()[1]
    except OSError as error:
        raise FaceRefError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Leave --port out to take a "
            "free one, --host to listen on this machine."
        ) from error


def _theme(gr: ModuleType) -> Any:
    """Fonts of the system; small text that can be read."""
    theme = gr.themes.Default(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    return theme.set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
    )


def _need_gradio() -> ModuleType:
    try:
        return import_module("gradio")
    except ImportError as error:
        raise FaceRefError("The app needs Gradio: pip install 'face-ref[app]'") from error


def _open_upscalers(
    references: Sequence[str | Path], weights: Sequence[str | Path], options: Mapping[str, Any]
) -> dict[str, benchmark.Upscaler]:
    """One for each reference set, by its name; those that are given first."""
    sets = {str(folder): as_path(folder) for folder in references} | {SAMPLE: None}
    return {
        name: benchmark.Upscaler.from_pretrained(one, models=weights, **options)
        for name, one in sets.items()
    }


@contextmanager
def _settings(folder: str) -> Iterator[None]:
    """Gradio's settings that only the environment takes, while the app runs."""
    wanted = {
        "GRADIO_TEMP_DIR": folder,
        "GRADIO_ANALYTICS_ENABLED": "False",
        # Versions that have it would keep uploaded images in the browser.
        "GRADIO_RUN_HISTORY": "False",
        # Gradio calls its own server when it starts.
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), LOCAL, "localhost"])),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM ends the app as Ctrl-C does, so that what was uploaded is deleted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def first_count(viewer: Viewer) -> int:
    """References that each face is given at first: none where only the sample's are there."""
    return 0 if list(viewer.upscalers) == [SAMPLE] else REFERENCES


def _page(gr: Any, viewer: Viewer, folder: Path) -> Any:
    """The page, not yet served."""
    examples = write_examples(folder)
    with gr.Blocks(title="facebench app", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                given = gr.File(label="Photograph, or crop of a face", height=140)
                picked = gr.Dataset(
                    components=[gr.Image(visible=False)],
                    samples=[[str(path)] for path in examples],
                    type="index",
                    label="Or an example: rendered people who do not exist",
                )
                seen = gr.Image(
                    label="Given", interactive=False, visible=False, height=200, buttons=[]
                )
                aligned = gr.Checkbox(
                    label="Aligned crop",
                    info="A square crop of one upright face: none is looked for.",
                )
                count = gr.Slider(
                    0, 8, first_count(viewer), step=1, buttons=[],
                    label="References for each face, K",
                    info="They help where they are of the same kind as your faces; else take 0.",
                )  # fmt: skip
                names = list(viewer.upscalers)
                references = gr.Dropdown(names, value=names[0], label="Reference set")
                button = gr.Button("Super-resolve", variant="primary", interactive=False)
            with gr.Column(scale=3, min_width=280):
                slider = gr.ImageSlider(
                    label="Before (bicubic) and after",
                    type="numpy",
                    format="png",
                    interactive=False,
                    buttons=["fullscreen"],
                    max_height=560,
                )
                download = gr.DownloadButton("Download the result (PNG)", interactive=False)
                faces = gr.HTML()
        results = [slider, faces, download]
        nothing = [None, "", gr.update(value=None, interactive=False)]

        def look(path: str | None) -> list[Any]:
            """Show what is given, and guess whether it is a crop."""
            try:
                image = read(Path(path)) if path else None
            except FaceRefError as error:
                _warn(gr, error)
                image = None
            if image is None:
                hidden = gr.update(value=None, visible=False)
                return [hidden, False, gr.update(interactive=False), *nothing]
            shown = gr.update(value=preview(image.pixels), visible=True)
            return [shown, is_crop(image), gr.update(interactive=True), *nothing]

        def super_resolve(
            path: str, name: str, count: float, aligned: bool, progress: Any = gr.Progress()
        ) -> list[Any]:
            try:
                progress(0.1, desc="Reading the image")
                view = viewer.view(
                    Path(path), name, int(count), aligned, lambda text: progress(0.5, desc=text)
                )
            except FaceRefError as error:
                _warn(gr, error)
                return nothing
            out = Path(tempfile.mkdtemp(dir=folder)) / f"{Path(path).stem}-super-resolved.png"
            view.result.save(out)
            file = gr.update(value=str(out), interactive=True)
            return [(view.before, view.after), view.faces, file]

        # In their order, one at a time: what clears the results of an image comes before the next.
        private = {"api_visibility": "private", "concurrency_id": "image"}
        picked.click(
            lambda place: str(examples[place]), picked, given, show_progress="hidden", **private
        )
        given.change(
            look, given, [seen, aligned, button, *results], show_progress="hidden", **private
        )
        button.click(
            super_resolve,
            [given, references, count, aligned],
            results,
            show_progress_on=slider,
            **private,
        )
    return page


def _warn(gr: Any, error: FaceRefError) -> None:
    """Show an error on the page until it is closed."""
    gr.Warning(html.escape(str(error)), duration=None, title="This does not work")
