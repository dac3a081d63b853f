"""The commands `facebench upscale` and `facebench release`. Heavy imports happen inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from benchmark.cli.options import Device

UPSCALE = """**Examples**

`facebench upscale group.jpg --refs face_ref --weights runs/msrnet --pack PACK_DIR --out large`

`facebench upscale crops/ --aligned --explain --refs face_ref --weights w.safetensors --out large`

Detail is hallucinated: it must not serve to identify anyone.
"""


def upscale(
    given: Annotated[
        Path, typer.Argument(metavar="INPUT", help="An image, a video, or a folder of them.")
    ],
    refs: Annotated[Path, typer.Option(help="Face_Ref whose train faces serve as references.")],
    weights: Annotated[
        Path, typer.Option(help="Folder of a training, or a released .safetensors file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Inputs are square crops of aligned faces.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also references, relevance, side by side.")
    ] = False,
    references: Annotated[int, typer.Option(help="References a face.", min=0, max=8)] = 5,
    scale: Annotated[int, typer.Option(help="Of photographs and videos.", min=1, max=8)] = 4,
    force: Annotated[
        bool, typer.Option("--force", help="Also faces of more than 128 pixels, which lose some.")
    ] = False,
    embedder: Annotated[
        str, typer.Option(help="insightface or dlib: finds faces.")
    ] = "insightface",
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface pack: a folder, or a name to fetch (default buffalo_l)."),
    ] = None,
    det_size: Annotated[int, typer.Option(help="Side of the detector's input, pixels.")] = 640,
    device: Device = "cpu",
) -> None:
    """Enlarge LR faces with the help of other people's, and lay them back into the image."""
    from benchmark.training.export import open_weights
    from benchmark.upscaling.files import explain as write_sheets
    from benchmark.upscaling.files import (
        jobs,
        read_image,
        run_video,
        tolerant,
        write_image,
        write_report,
    )
    from benchmark.upscaling.upscaler import NOTICE, Upscaler, upscale_crop, upscale_photo
    from faceref.console import progress_bar, say
    from faceref.embed.registry import open_embedder
    from faceref.errors import FaceRefError
    from faceref.hardware import open_device
    from faceref.mining.gallery import Gallery

    target = open_device(device)
    listed = jobs(given, out)
    trained = open_weights(weights)
    finder = None
    if not aligned:
        finder = open_embedder(embedder, pack=pack, det_size=det_size, device=device)
    upscaler = Upscaler(trained, Gallery(refs, finder), references, target)

    def work(image):
        if finder is None:
            return upscale_crop(image, upscaler)
        return upscale_photo(image, upscaler, finder, scale, force)

    done, failed = [], []
    with progress_bar("Enlarging", "images") as progress:
        for place, job in enumerate(listed, 1):
            try:
                if job.video:
                    frames = run_video(job, tolerant(work, scale), progress)
                    faces = [face for frame in frames for face in frame]
                else:
                    picture, faces = work(read_image(job.source))
                    write_image(picture, job.out)
            except FaceRefError as error:
                failed.append({"input": job.source.name, "error": str(error)})
                continue
            if explain and not job.video:
                write_sheets(faces, out / f"{job.out.stem}-explained")
            reports = [face.report() for face in faces]
            done.append({"input": job.source.name, "output": job.out.name, "faces": reports})
            progress(place, len(listed))
    for each in failed:
        say(f"{each['input']}: {each['error']}")
    if not done:
        raise FaceRefError(
            f"None of the {len(listed)} files at {given} could be enlarged, see above."
        )
    content = {
        "method": trained.method.name,
        "weights_sha256": trained.sha256,
        "references": upscaler.count,
        "face_ref": upscaler.gallery.face_ref.manifest["fingerprint"],
        "files": done,
        "failed": failed,
    }
    say(f"{len(done):,} of {len(listed):,} files enlarged: {write_report(content, out)}")
    say(NOTICE)


def release(
    run: Annotated[Path, typer.Argument(help="Folder of a training.")],
    out: Annotated[Path, typer.Option(help="File to write: NAME.safetensors.")],
) -> None:
    """Write the chosen weights of a training as one safetensors file, its SHA-256 beside it."""
    from benchmark.training.export import export_weights
    from faceref.console import say

    say(str(export_weights(run, out)))


def add_upscale(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=UPSCALE)(upscale)
    app.command(epilog="**Example:** `facebench release runs/edsr --out edsr.safetensors`")(release)
