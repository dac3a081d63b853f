"""Publishes a Face_Ref: policy.py decides, make.py makes the folder, upload.py uploads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from faceref.errors import FaceRefError
from faceref.release.make import Release, Wish, make_release
from faceref.release.upload import Published, upload


def publish(
    root: Path,
    wish: Wish,
    out: Path | None = None,
    *,
    public: bool = False,
    dry_run: bool = False,
    token: str | None = None,
) -> tuple[Release, Published | None]:
    """Make the release of a Face_Ref in a folder and upload exactly that folder.

    Args:
        root: The set.
        wish: What is to be published, and where.
        out: The folder; by default `<name>-release` beside the set, which stays there.
        public: Whether everybody may see the repository.
        dry_run: Make the folder, upload nothing.
        token: Of the Hub; None for the one that is logged in.

    Returns:
        The release, and where it was published; None for a dry run.

    Raises:
        PolicyError: Before anything is written, for what the licence of the faces forbids.
        FaceRefError: For a set or an upload that is not whole.
    """
    owner, _, name = wish.repo.partition("/")
    if not (owner and name) or "/" in name:
        raise FaceRefError(f"{wish.repo!r} is no name of a repository: give OWNER/NAME.")
    resolved = root.resolve()
    release = make_release(root, out or resolved.with_name(f"{resolved.name}-release"), wish)
    if dry_run:
        return release, None
    gated = release.source != "sample"
    return release, upload(release, wish.repo, public=public, gated=gated, token=token)


def listing(release: Release) -> Iterator[str]:
    """What goes up, a line a file with its size, and what is withheld or left behind."""
    files = release.files()
    sizes = {name: path.stat().st_size for name, path in files.items()}
    width = max(map(len, sizes))
    for name, size in sizes.items():
        yield f"{name:<{width}}  {size:>14,} bytes"
    yield f"{len(sizes)} files, {sum(sizes.values()):,} bytes, in {release.root}"
    if release.withheld:
        yield f"withheld: {', '.join(release.withheld)}"
    if release.left:
        yield f"no part of a Face_Ref, left where it is: {', '.join(release.left)}"
