"""Publishes a Face_Ref: policy.py decides, release.py makes the folder, upload.py brings it up."""

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
    """Make the release of the Face_Ref `root` in `out` and, unless `dry_run`, upload it.

    `out` defaults to a folder beside the set, `<name>-release`, which stays there. What lies in it
    is exactly what goes up. Raises PolicyError, before anything is written, for what the licence of
    the faces forbids, and FaceRefError for a set or an upload that is not whole.
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
