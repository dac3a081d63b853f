"""The commands `faceref hydrate`, `verify` and `remove`. Heavy imports happen inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

SHOWN = 20
"""Images named on the screen; `--report` has all."""
HYDRATE = """**Examples**

`hf download ME/face-ref-celeba --repo-type dataset --local-dir index`

`faceref hydrate index --source CELEBA --out face_ref` the set that was published, to the byte

`faceref hydrate index --source CELEBA --out face_ref --partial` without what is missing here
"""


def hydrate(
    index: Annotated[Path, typer.Argument(help="Folder of a published index.")],
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Your own copy of the images, as `faceref build` takes it."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to make. [required]")] = Path(),
    source_kind: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="celeba, ffhq, folder, ... Default: as the index says."),
    ] = None,
    images: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Set of images, as in `faceref build`."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out what is missing or altered.")
    ] = False,
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Text file: every missing, altered and extra image."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out.")] = False,
    workers: Annotated[int, typer.Option(help="Threads; 0: one a core.", min=0)] = 0,
) -> None:
    """Rebuild the full Face_Ref from its index and your own copy of the images, hash by hash."""
    from faceref.console import need_option, progress_bar, say
    from faceref.release.hydrate import IncompleteError
    from faceref.release.hydrate import hydrate as run
    from faceref.release.index import Index
    from faceref.sources.base import Choices
    from faceref.sources.registry import load_source, open_source

    need_option("--out", out != Path(), "faceref hydrate INDEX --source CELEBA --out face_ref")
    kind = source_kind or Index.open(index).manifest["source"]
    takes = load_source(kind).takes
    # Every image is held against the index, so a copy with holes is opened all the same.
    choices = Choices(partial="partial" in takes, checksums="checksums" not in takes, images=images)
    faces = open_source(kind, source, choices)
    try:
        with progress_bar("Hydrating", "images") as progress:
            done = run(
                index,
                faces,
                out,
                partial=partial,
                overwrite=overwrite,
                workers=workers or None,
                progress=progress,
            )
    except IncompleteError as error:
        _report(error.found.lines(), report)
        raise
    _report(done.comparison.lines(), report)
    for name in done.absent:
        say(f"withheld, so it cannot be made again: {name}")
    for name in done.differing:
        say(f"other bytes than published, same rows and pixels: {name} (versions of libraries)")
    rows = sum(done.manifest["counts"].values())
    if done.comparison.whole:
        say(f"{out}: {rows:,} faces, {done.files} files byte for byte as published.")
    else:
        say(f"{out}: {rows:,} faces, a part of the published set: {done.comparison.summary()}.")


def _report(lines: list[str], report: Path | None) -> None:
    from faceref.console import say

    for line in lines[:SHOWN]:
        say(line)
    if len(lines) > SHOWN:
        say(f"... and {len(lines) - SHOWN:,} more" + ("" if report else "; --report FILE has all"))
    if report is not None:
        report.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def verify(path: Annotated[Path, typer.Argument(help="A Face_Ref, or an index.")]) -> None:
    """Check that a set or an index is whole, in seconds; `faceref certify` checks its claims."""
    from faceref.console import say
    from faceref.release.verify import verify as run

    faults = 0
    for fault in run(path):
        faults += 1
        if faults <= SHOWN:
            say(fault)
    if faults:
        say(f"{path}: {faults:,} faults.")
        raise typer.Exit(1)
    say(f"{path} is what its manifest says.")


def remove(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.")],
    ids: Annotated[Path, typer.Option(help="Text file, one image id a line.")],
    embedder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface or dlib, as in the build: fills the lists again."),
    ] = None,
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface pack of the build."),
    ] = None,
) -> None:
    """Take images out of a set, everywhere: rows, references, tables. The version goes up."""
    from faceref.console import say
    from faceref.dataset.store import FaceRef
    from faceref.embed.registry import open_embedder
    from faceref.release.remove import read_ids
    from faceref.release.remove import remove as run

    opened = None
    if embedder or pack:
        det_size = FaceRef.open(path).manifest["embedder"].get("det_size", 320)
        opened = open_embedder(embedder or "insightface", pack=pack, det_size=det_size)
    done = run(path, read_ids(ids), opened)
    how = "were mined again" if done.refilled else "are shorter now (--embedder fills them)"
    say(f"{path}: {done.images:,} images out, version {done.manifest['version']}.")
    say(f"Lists of {done.shortened:,} faces named them and {how}.")


def add_sets(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=HYDRATE)(hydrate)
    app.command(epilog="**Example:** `faceref verify face_ref`")(verify)
    app.command(epilog="**Example:** `faceref remove face_ref --ids ids.txt --pack PACK`")(remove)
