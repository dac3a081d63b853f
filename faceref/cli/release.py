"""The commands that give a set to others: publish, hydrate, verify, remove, archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SHOWN = 20
"""Faults and images printed at most."""
TERMS = "Licence"
RELEASE = "Version and folder"
RUNNING = "Running"


def publish(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.", show_default=False)],
    repo: Annotated[
        str,
        typer.Argument(help="Data set on the Hugging Face Hub: OWNER/NAME.", show_default=False),
    ],
    full: Annotated[
        bool, typer.Option("--full", help="With the images. Default: the index.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make and list the folder; upload nothing.")
    ] = False,
    public: Annotated[
        bool, typer.Option("--public", help="Everybody may find it. Default: private.")
    ] = False,
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence",
            "--license",
            help="Licence of the images, such as cc-by-4.0. Needed where the source has none.",
            rich_help_panel=TERMS,
        ),
    ] = None,
    licence_link: Annotated[
        str | None,
        typer.Option(
            "--licence-link",
            "--license-link",
            help="Address of the licence text, if the Hub has no id for the licence.",
            rich_help_panel=TERMS,
        ),
    ] = None,
    contact: Annotated[
        str,
        typer.Option(
            help="Where people ask for removal. Default: the discussions.",
            rich_help_panel=TERMS,
        ),
    ] = "",
    tag: Annotated[
        str,
        typer.Option(help="Version. Default: v and that of the set.", rich_help_panel=RELEASE),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of what goes up. Default: FACE_REF-release.", rich_help_panel=RELEASE
        ),
    ] = None,
) -> None:
    """Publish a set on the Hugging Face Hub, as its licence permits.

    See what would go up: `faceref publish face_ref ME/NAME --dry-run`

    The index, to a private repository: `faceref publish face_ref ME/NAME`

    Your own images, too: `faceref publish face_ref ME/NAME --full --licence cc-by-4.0 --public`

    CelebA: the index only, without identities, whatever is asked for. FFHQ: the index, or with
    --full the images with every author's credit. LFW, folder, hf: as --licence states.

    Log in first: `hf auth login`. An interrupted upload goes on with the same command.
    """
    import faceref
    from faceref.console import say

    made = faceref.publish(
        path,
        repo,
        full=full,
        licence=licence,
        licence_link=licence_link,
        tag=tag,
        contact=contact,
        public=public,
        out=out,
        dry_run=dry_run,
    )
    for line in made.listing():
        say(line)
    if made.published is None:
        say("Dry run: nothing was uploaded.")
    else:
        say(f"{'Public' if public else 'Private'}: {made.published.url}")
        if made.published.earlier:
            say(
                "Earlier versions still hold what was removed: "
                f"{', '.join(made.published.earlier)}. Delete each: "
                f"hf repos tag delete {repo} VERSION --type dataset"
            )


def hydrate(
    index: Annotated[Path, typer.Argument(help="Folder of a published index.", show_default=False)],
    source: Annotated[
        Path | None,
        typer.Option(help="Path of your own copy of the images. What they are, the index says."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make. [required]", show_default=False)
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out what is missing or altered.")
    ] = False,
    source_kind: Annotated[
        str | None,
        typer.Option(
            help="celeba, ffhq, folder, ... Default: as the index says.", rich_help_panel=RUNNING
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(help="Which images, as in `faceref build`.", rich_help_panel=RUNNING),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Text file: every missing, altered and extra image.", rich_help_panel=RUNNING
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace --out.", rich_help_panel=RUNNING)
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Threads; 0: one a core.", min=0, rich_help_panel=RUNNING)
    ] = 0,
) -> None:
    """Make a set from its published index and your own images.

    Get an index: `hf download ME/NAME --repo-type dataset --local-dir index`

    Make the set: `faceref hydrate index --source CELEBA --out face_ref`

    Every image is compared with its hash: what comes out has the published rows and images, byte
    for byte. Files that were withheld, as tables of CelebA are, cannot be made; they are named.
    """
    import faceref
    from faceref.console import need_option, say

    example = "faceref hydrate INDEX --source CELEBA --out face_ref"
    need_option("--out", out is not None, example)
    try:
        done = faceref.hydrate(
            index,
            out=out or Path(),
            source=source,
            source_kind=source_kind,
            images=images,
            partial=partial,
            report=report,
            overwrite=overwrite,
            workers=workers,
        )
    except faceref.IncompleteError as error:
        _print_first(error.found.lines(), report)
        raise
    _print_first(done.comparison.lines(), report)
    for name in done.absent:
        say(f"withheld, so it cannot be made again: {name}")
    for name in done.differing:
        say(f"other bytes than published, same rows and pixels: {name} (versions of libraries)")
    rows = sum(done.manifest["counts"].values())
    if done.comparison.whole:
        say(f"{out}: {rows:,} faces, {done.files} files byte for byte as published.")
    else:
        say(f"{out}: {rows:,} faces, a part of the published set: {done.comparison.summary()}.")


def _print_first(lines: list[str], report: Path | None) -> None:
    """Print the first lines, and where all of them are."""
    from faceref.console import say

    for line in lines[:SHOWN]:
        say(line)
    if len(lines) > SHOWN:
        say(f"... and {len(lines) - SHOWN:,} more" + ("" if report else "; --report FILE has all"))


def verify(
    path: Annotated[Path, typer.Argument(help="A Face_Ref, or an index.", show_default=False)],
) -> None:
    """Check in seconds that a set or an index is whole.

    Example: `faceref verify face_ref`

    `faceref certify` goes further: it computes the claims of a set again.
    """
    import faceref
    from faceref.console import say

    faults = faceref.verify(path)
    for fault in faults[:SHOWN]:
        say(fault)
    if faults:
        say(f"{path}: {len(faults):,} faults.")
        raise typer.Exit(1)
    say(f"{path} is what its manifest says.")


def remove(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.", show_default=False)],
    ids: Annotated[Path, typer.Option(help="Text file, one image id a line.", show_default=False)],
    embedder: Annotated[
        str | None,
        typer.Option(
            help="Embedder of the build, insightface or dlib: refills lists that are too short."
        ),
    ] = None,
    pack: Annotated[str | None, typer.Option(help="insightface pack of the build.")] = None,
) -> None:
    """Take images out of a set: rows, references and tables.

    Example: `faceref remove face_ref --ids ids.txt --pack PACK`

    The version goes up. With the embedder of the build, lists that got shorter are filled again,
    also those of an earlier removal.
    """
    import faceref
    from faceref.console import say

    done = faceref.remove(path, ids, embedder, pack)
    version = f"version {done.manifest['version']}"
    if done.images:
        say(f"{path}: {done.images:,} image{'s' if done.images > 1 else ''} out, {version}.")
    else:
        say(f"{path}: these images are out already; {version}.")
    if done.encoder_stays:
        say(
            "lr_encoder.safetensors was trained on the set with these images, and stays: build the "
            "set again without them to train another."
        )
    if not done.shortened:
        return
    how = (
        "were mined again"
        if done.refilled
        else "are shorter now. To fill them, give the same command again with --embedder or "
        "--pack of the build"
    )
    say(f"Lists of {done.shortened:,} faces named them and {how}.")


def archive(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File to write, .tar.", show_default=False)],
    megabytes: Annotated[
        float,
        typer.Option(
            help="Largest size of the file, in MB (10^6 bytes). Faces that do not fit lossless are "
            "lossy WebP.",
            min=0.1,
        ),
    ] = 60.0,
    splits: Annotated[
        str,
        typer.Option(
            help="Splits to include, separated by commas. Test is not needed: it is scored on the "
            "set itself."
        ),
    ] = "train,val",
) -> None:
    """Write a set to one small file, to train on another machine.

    Example: `faceref archive face_ref --out faces.tar`

    There: `tar xf faces.tar`, then `facebench train face_ref --method msrnet --out runs/msrnet`;
    bring `best.pt` and `training.json` back and evaluate them on the set itself.
    """
    import faceref
    from faceref.console import say

    names = [name.strip() for name in splits.split(",") if name.strip()]
    found = faceref.archive(path, out, megabytes=megabytes, splits=names)
    how = (
        "lossless"
        if found.quality is None
        else f"WebP quality {found.quality}, {found.psnr_rgb:.1f} dB to the faces themselves"
    )
    size = out.stat().st_size / 1e6
    say(f"{out}: {found.faces:,} faces of {', '.join(found.splits)}, {size:.1f} MB, {how}.")
