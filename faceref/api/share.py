"""Share a set: publish, hydrate, verify, remove images, archive."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from faceref.api.arguments import as_path, embedder_of, need_whole, path_or_none
from faceref.console import progress_bar
from faceref.dataset.face_ref import FaceRef

if TYPE_CHECKING:
    from faceref.dataset.archive import ArchiveInfo
    from faceref.release.hydrate import Hydrated
    from faceref.release.make import Release
    from faceref.release.remove import Removed
    from faceref.release.upload import Published


class Publication(NamedTuple):
    """What `publish` made."""

    release: Release
    """The folder, as it goes up."""
    published: Published | None
    """Where it went; None after a dry run."""

    def listing(self) -> Iterator[str]:
        """What goes up, a line a file with its size, and what is withheld or left behind."""
        from faceref.release.publish import listing

        return listing(self.release)


def publish(
    faces: FaceRef | str | Path,
    repo: str,
    *,
    full: bool = False,
    licence: str | None = None,
    licence_link: str | None = None,
    tag: str = "",
    contact: str = "",
    public: bool = False,
    out: str | Path | None = None,
    dry_run: bool = False,
) -> Publication:
    """Publish what the licence of the faces permits, on the Hugging Face Hub.

    An interrupted upload goes on when it is called again. Log in first: `hf auth login`.

    Args:
        faces: A Face_Ref, or its folder.
        repo: Data set on the Hub, `OWNER/NAME`.
        full: Publish the images, too; else the index, from which `hydrate` makes the set again.
        licence: Licence of the images, such as `cc-by-4.0`; needed where the source has none.
        licence_link: Address of the licence text, if the Hub has no id for the licence.
        tag: Version of the release; empty: `v` and the version of the set.
        contact: Where people ask for removal; empty: the discussions of the repository.
        public: Make the repository public, so that everybody may find it; else it is private.
        out: Folder of the files to upload; None: beside the set, its name with `-release` appended.
        dry_run: Make the folder and upload nothing.

    Returns:
        The folder, and where it went.

    Raises:
        FaceRefError: For what the licence forbids, before anything is written, and for a set or an
            upload that is not whole.

    Example:
        >>> import faceref
        >>> made = faceref.publish("face_ref", "ME/NAME", dry_run=True)
        >>> made.release.kind, made.release.version, made.published
        ('index', 'v1', None)
    """
    from faceref.release.format import FULL, INDEX
    from faceref.release.make import Wish
    from faceref.release.policy import stated
    from faceref.release.publish import publish as run

    terms = stated(licence, licence_link)
    wish = Wish(repo, FULL if full else INDEX, terms, tag, contact)
    root = FaceRef.open(faces).root
    return Publication(*run(root, wish, path_or_none(out), public=public, dry_run=dry_run))


def hydrate(
    index: str | Path,
    *,
    out: str | Path,
    source: str | Path | None = None,
    source_kind: str | None = None,
    images: str | None = None,
    partial: bool = False,
    report: str | Path | None = None,
    overwrite: bool = False,
    workers: int = 0,
    progress: bool = True,
) -> Hydrated:
    """Make the full Face_Ref from its published index and your own copy of the images.

    Rows and images are the published ones, byte for byte. Files that were withheld, as tables of
    CelebA are, cannot be made: `absent` names them.

    Args:
        index: Folder of the index.
        out: Folder to make; `faceref.open` opens it then.
        source: Your copy of the images, as `build` takes it; None for the embedded sample.
        source_kind: `celeba`, `ffhq`, `folder`, ...; None is what the index says.
        images: Which of the images of the source, as in `build`.
        partial: Leave out what is missing or altered; the manifest records it.
        report: Text file to write: every missing, altered and extra image, a line each.
        overwrite: Replace `out` where it exists.
        workers: Threads; 0 is one a core.
        progress: Show a progress bar.

    Returns:
        What was compared and made: `comparison`, `files`, `differing` and `absent`.

    Raises:
        IncompleteError: With `found`, the missing and altered images, where there are some.
        FaceRefError: Where the source is another, or this machine aligns otherwise.

    Example:
        >>> import faceref
        >>> index = faceref.publish("face_ref", "ME/NAME", dry_run=True).release.root
        >>> faceref.hydrate(index, out="again", progress=False).comparison.whole
        True
    """
    from faceref.files import write_text
    from faceref.outputs.ours import need_apart, need_new_or_ours, need_outside
    from faceref.outputs.writable import need_file
    from faceref.release.hydrate import KINDS, IncompleteError
    from faceref.release.hydrate import hydrate as run
    from faceref.release.index import Index
    from faceref.sources.base import Choices
    from faceref.sources.registry import load_source, open_source

    root, given, lines = as_path(index), path_or_none(source), path_or_none(report)
    inputs = [] if given is None else [given]
    if lines is not None:
        need_file(lines, "--report")
        need_new_or_ours(lines, *(f"{kind}: " for kind in KINDS), option="--report")
        need_outside(lines, as_path(out), "--report")
        for path in (root, *inputs):
            need_apart(lines, path)
    kind = source_kind or Index.open(root).manifest["source"]
    takes = load_source(kind).takes
    # Every image is compared with the index, so a copy with holes is opened all the same.
    choices = Choices(partial="partial" in takes, checksums="checksums" not in takes, images=images)
    opened = open_source(kind, given, choices)
    found = None
    try:
        with progress_bar("Hydrating", "images", shown=progress) as update:
            done = run(
                root,
                opened,
                as_path(out),
                partial=partial,
                overwrite=overwrite,
                inputs=inputs,
                workers=need_whole("--workers", workers, 0) or None,
                progress=update,
            )
        found = done.comparison
        return done
    except IncompleteError as error:
        found = error.found
        raise
    finally:
        if lines is not None and found is not None:
            write_text(lines, "".join(f"{line}\n" for line in found.lines()))


def verify(path: FaceRef | str | Path) -> list[str]:
    """Check in seconds that a set, or an index, is whole; `certify` checks its claims.

    Args:
        path: A Face_Ref, or the folder of one or of an index.

    Returns:
        One line for each way in which the files are not those of the manifest.

    Raises:
        FaceRefError: Where there is neither a set nor an index.

    Example:
        >>> import faceref
        >>> faceref.verify("face_ref")
        []
    """
    from faceref.release.verify import verify as run

    return list(run(path.root if isinstance(path, FaceRef) else as_path(path)))


def remove(
    faces: FaceRef | str | Path,
    ids: str | Path | Collection[str],
    embedder: str | None = None,
    pack: str | Path | None = None,
    *,
    progress: bool = True,
) -> Removed:
    """Take images out of a set, everywhere: rows, references, tables. The version goes up.

    Images that were removed before are passed over, so that an interrupted call can be repeated.
    A `FaceRef` that was opened before must be opened again.

    Args:
        faces: A Face_Ref, or its folder.
        ids: Image ids, or the path of a text file with one a line; a text that is no file is one
            image id.
        embedder: That of the build: lists that named the images are mined again, also those that
            an earlier removal left shorter.
        pack: insightface pack of the build.
        progress: Show a progress bar while the set is embedded again.

    Returns:
        The new manifest, how many images went, how many rows lost a reference or were mined again,
        and whether an LR encoder stays in the set whose training saw these images.

    Raises:
        FaceRefError: For an unknown id, for a release, and where a split would be left empty.

    Example:
        >>> import faceref
        >>> gone = faces.column("train", "image_id")[:2]
        >>> faceref.remove("face_ref", gone).manifest["version"]
        2
    """
    from faceref.outputs.working import settle
    from faceref.release.remove import read_ids
    from faceref.release.remove import remove as run

    if not isinstance(faces, FaceRef):
        settle(as_path(faces).resolve(), "removing")
    opened = FaceRef.open(faces)
    if isinstance(ids, Path) or (isinstance(ids, str) and os.path.isfile(as_path(ids))):
        listed = read_ids(as_path(ids))
    else:
        listed = [ids] if isinstance(ids, str) else ids
    ready = embedder_of(opened, embedder, pack)
    shown = progress and ready is not None
    with progress_bar("Embedding", "images", shown=shown) as update:
        return run(opened.root, listed, ready, update)


def archive(
    faces: FaceRef | str | Path,
    out: str | Path,
    *,
    megabytes: float = 60.0,
    splits: str | Sequence[str] = ("train", "val"),
    progress: bool = True,
) -> ArchiveInfo:
    """Write a set to one small tar file, to train on another machine of your own.

    Args:
        faces: A Face_Ref, or its folder.
        out: File to write.
        megabytes: Its size at most, in 10^6 bytes; the faces are lossless where there is room.
        splits: What it holds; several in one text are separated by commas.
        progress: Show a progress bar.

    Returns:
        What it holds: splits, faces, WebP quality and PSNR against the set.

    Raises:
        FaceRefError: For an unknown split, and where even the lowest quality is too large.

    Example:
        >>> import faceref
        >>> faceref.archive("face_ref", "faces.tar", splits=["val"], progress=False).faces
        24
    """
    from faceref.dataset.archive import write_archive

    chosen = [name.strip() for name in splits.split(",")] if isinstance(splits, str) else splits
    with progress_bar("Archiving", "faces", shown=progress) as update:
        return write_archive(
            faces, as_path(out), megabytes=megabytes, splits=chosen, progress=update
        )
