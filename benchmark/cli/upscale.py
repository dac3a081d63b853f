"""The command `facebench upscale`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import MORE, Device, Finder, FinderPack, UpscalingWeights

UPSCALE = """**Examples**

`facebench upscale group.jpg`

`facebench upscale crops/ --aligned --explain --out large`

`facebench upscale group.jpg --face-ref face_ref --weights runs/x8 --weights runs/x4`

Without options it uses what comes with the package: small networks for x8 and x4, trained on LFW
(for research), and dlib's detector. Nothing is downloaded. `--weights` replaces the network of the
same scale: x8 is for faces up to about 17 pixels wide, x4 for larger ones. References are given
where a set is named by `--face-ref`; `--count` alone takes them from the embedded sample.

Sub-folders are read, too. The exit status is 1 where any file failed. Interrupted, the same command
goes on with the first file that is not done; a video begins anew.

Detail is hallucinated: it must not serve to identify anyone.
"""


def upscale(
    given: Annotated[
        Path, typer.Argument(metavar="INPUT", help="An image, a video, or a folder of them.")
    ],
    face_ref: Annotated[
        Path | None,
        typer.Option(
            help="Face_Ref whose train faces serve as references.",
            show_default="none, or with --count the embedded sample",
        ),
    ] = None,
    weights: UpscalingWeights = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("upscaled"),
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Inputs are square crops of aligned faces.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also write faces beside their references.")
    ] = False,
    scale: Annotated[
        int, typer.Option(help="Upsampling factor of photographs and videos.", min=2, max=8)
    ] = 4,
    count: Annotated[
        int | None,
        typer.Option(
            help="References a face, K. Default: 5 with --face-ref, else 0.",
            min=0,
            max=64,
            rich_help_panel=MORE,
        ),
    ] = None,
    embedder: Finder = None,
    pack: FinderPack = None,
    det_size: Annotated[
        int, typer.Option(help="Side of the detector's input, pixels.", rich_help_panel=MORE)
    ] = 640,
    device: Device = "cpu",
) -> None:
    """Super-resolve the faces of photographs, crops or videos.

    Example: `facebench upscale photo.jpg`
    """
    import benchmark
    from faceref.console import say

    def open_upscaler() -> benchmark.Upscaler:
        options = {
            "count": count,
            "aligned": aligned,
            "scale": scale,
            "embedder": embedder,
            "pack": pack,
            "det_size": det_size,
            "device": device,
        }
        return benchmark.Upscaler.from_pretrained(face_ref, models=weights or (), **options)

    found = benchmark.upscale_files(given, out, open_upscaler, explain=explain)
    say("\n".join(found.summary()))
    if found.failed:
        raise typer.Exit(1)
