"""The command `faceref publish`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

EPILOG = """**Examples**

`faceref publish face_ref ME/face-ref-celeba --dry-run` what would go up: the index, in a folder

`faceref publish face_ref ME/face-ref-celeba` the index, to a private repository

`faceref publish face_ref ME/faces --full --licence cc-by-4.0 --public` your own images, too

`faceref publish face_ref ME/faces --tag v2` a new version, after `faceref remove`

**Policy:** CelebA: the index only, without identities, whatever is asked for. FFHQ: the index, or
with `--full` the images with every author's credit. LFW, folder, hf: as `--licence` states.
"""


def publish(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.")],
    repo: Annotated[str, typer.Argument(help="Data set on the Hugging Face Hub: OWNER/NAME.")],
    full: Annotated[
        bool, typer.Option("--full", help="With the images. Default: the index.")
    ] = False,
    licence: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--licence", "--license", help="Of the images, where the source has none."),
    ] = None,
    licence_link: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--licence-link", "--license-link", help="Its text, if it is no usual one."),
    ] = None,
    tag: Annotated[str, typer.Option(help="Version. Default: v and that of the set.")] = "",
    contact: Annotated[
        str, typer.Option(help="Where people ask for removal. Default: the discussions.")
    ] = "",
    public: Annotated[
        bool, typer.Option("--public", help="Everybody may find it. Default: private.")
    ] = False,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of what goes up. Default: FACE_REF-release."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make and list the folder; upload nothing.")
    ] = False,
) -> None:
    """Publish what the licence of the faces permits, on the Hugging Face Hub.

    An interrupted upload goes on when the command is given again. Log in first: `hf auth login`.
    """
    from faceref.console import say
    from faceref.release.format import FULL, INDEX
    from faceref.release.make import Wish
    from faceref.release.policy import stated
    from faceref.release.publish import listing
    from faceref.release.publish import publish as run_publish

    terms = stated(licence, licence_link)
    wish = Wish(repo, FULL if full else INDEX, terms, tag, contact)
    release, published = run_publish(path, wish, out, public=public, dry_run=dry_run)
    for line in listing(release):
        say(line)
    if published is None:
        say("Dry run: nothing was uploaded.")
    else:
        say(f"{'Public' if public else 'Private'}: {published.url}")


def add_publish(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(publish)
