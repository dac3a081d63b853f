"""The command `facebench app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import MORE, Device, Finder, FinderPack, UpscalingWeights

APP = """**Examples**

`facebench app`

`facebench app --face-ref face_ref --port 7000`

It needs Gradio: `pip install 'face-ref[app]'`. The page is for this machine alone unless --host
says otherwise. Uploaded images are deleted when the app ends.

Detail is hallucinated: it must not serve to identify anyone.
"""


def serve_app(
    face_ref: Annotated[
        list[Path] | None,
        typer.Option(
            help="Face_Ref to choose beside the embedded sample; several times for several."
        ),
    ] = None,
    weights: UpscalingWeights = None,
    embedder: Finder = None,
    pack: FinderPack = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; who reaches it can use the page.", rich_help_panel=MORE
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(help="0 takes a free one.", min=0, max=65535, rich_help_panel=MORE),
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser.", rich_help_panel=MORE)] = True,
    device: Device = "cpu",
) -> None:
    """Super-resolve faces in the browser.

    Example: `facebench app`
    """
    import benchmark

    benchmark.serve_app(
        face_ref or [],
        weights=weights or [],
        embedder=embedder,
        pack=pack,
        device=device,
        host=host,
        port=port,
        browser=browser,
    )
