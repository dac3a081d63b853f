"""Outputs: what may be replaced or deleted, whose it is while it is made, and if it can be written.

We delete and replace only what we made. Every command that does so asks `need_replaceable` or
`need_ours`; a folder that is made anew is made in `working_folder` and brought there by
`put_in_place`.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceref.errors import (
    FaceRefError,
    HeldError,
    UnusableError,
    cannot_write,
    unknown_choice,
)
from faceref.leftovers import sweep, temporary_name

try:
    import fcntl
except ImportError:  # Windows: there two builds of one set are not kept apart.
    fcntl: Any = None

MARKER = "face_ref.json"
"""Is in every set, release and index, whatever version made it."""
LOCK = "lock"
LONGEST_NAME = 255
"""Bytes of a file's name on the usual file systems."""
_LONGEST_ENDING = len(".hydrating")
_SHOWN = 3
_MADE, _OLD = "finished", "replaced"
_MOVING = "moving"
"""Is in a working folder from when `finished` is whole, and about to be moved, to its end."""
_ANYWHERE = r"(.*/)?\.[^/]+\.tmp(/.*)?|(.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini)"
"""What an ended process of ours or a desktop leaves behind."""
_SET = (
    r"face_ref\.json|README\.md|removals\.json|croissant\.json|similarity\.png"
    r"|(rejects|near_duplicates|label_noise|refs_same|credits)\.parquet|lr_encoder\.safetensors"
    r"|(data|index)/(train|val|test)-\d{5}-of-\d{5}\.parquet"
    r"|\.gitattributes|\.cache/huggingface/.*"
)
"""Files of a set, a release or an index, and what a download of one from the Hub adds."""
SET_FILE = re.compile(f"({_SET}|{_ANYWHERE})")
WORK_FILE = re.compile(
    rf"({LOCK}|{_MOVING}|recipe\.json|(several/)?parts/part-\d+\.parquet|lr_encoder\.\w+"
    rf"|(finished|replaced)/({_SET})|{_ANYWHERE})"
)


def need_replaceable(
    out: Path, *, overwrite: bool, inputs: Iterable[Path] = (), key: str | None = None
) -> None:
    """Raise FaceRefError unless the folder `out` may be made, in place of what is there.

    Args:
        out: The folder.
        overwrite: Whether a set that is there may go.
        inputs: What is read meanwhile: `out` is none of them, lies in none and holds none.
        key: What the manifest of a folder that is replaced must have, such as `release`.
    """
    _need_names(out, "--out", LONGEST_NAME - _LONGEST_ENDING)
    for path in inputs:
        need_apart(out, path)
    _need_place(out.parent, "--out")
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise FaceRefError(f"{out} is a file, no folder: it is left alone. Choose another --out.")
    if os.path.ismount(out):
        raise FaceRefError(f"{out} is where a disk is mounted. Choose a folder in it: {out}/set.")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise FaceRefError(
            f"{out} exists already. Give --overwrite to replace it, or choose another --out."
        )
    need_ours(out, key)


def need_ours(folder: Path, key: str | None = None) -> None:
    """Raise FaceRefError unless `folder` is a set, or a release, and holds no file of the user's.

    Args:
        folder: A folder that is about to be replaced.
        key: What its manifest must have, such as `release`.
    """
    if not _is_marked(folder / MARKER, key):
        raise FaceRefError(
            f"{folder} is no {key or 'Face_Ref'}, so it is not replaced. Choose another --out, or "
            "move that folder away."
        )
    if strange := strangers(folder, SET_FILE):
        raise FaceRefError(
            f"{folder} holds what is no part of a Face_Ref: {_names(strange)}. Nothing was "
            "changed. Move that elsewhere and give the same command again."
        )


def _is_marked(manifest: Path, key: str | None) -> bool:
    try:
        return key in (None, *json.loads(manifest.read_bytes()))
    except (OSError, ValueError, TypeError):
        return False


def need_apart(out: Path, path: Path) -> None:
    """Raise FaceRefError where an output is an input, lies in it, or holds it; links are followed.

    Args:
        out: A file or folder to write.
        path: A file or folder that is read; one that does not exist is no matter.
    """
    if not path.exists():
        return
    mine, theirs = out.resolve(), path.resolve()
    if mine == theirs:
        how = "is also what is read"
    elif theirs in mine.parents:
        how = f"lies in {path}, which is read"
    elif mine in theirs.parents:
        how = f"holds {path}, which is read"
    else:
        return
    raise FaceRefError(f"{out} {how}. Nothing was changed. Choose another place to write to.")


def strangers(folder: Path, ours: re.Pattern[str]) -> list[str]:
    """Files and links below `folder` that `ours` does not match, by relative path, sorted."""

    def fail(error: OSError) -> None:
        raise cannot_write(folder, error) from error

    found = []
    for root, folders, files in os.walk(folder, onerror=fail):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in (*files, *links):
            path = Path(root, name).relative_to(folder).as_posix()
            if not ours.fullmatch(path):
                found.append(path)
    return sorted(found)


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


@contextmanager
def holding(folder: Path, out: Path | None = None) -> Iterator[None]:
    """Hold a folder for this process: the system frees it when the process ends, however it ends.

    Args:
        folder: It is made, and goes again if nothing was put into it; its file `lock` says who
            holds it.
        out: What is worked on, for the message; None is `folder`.

    Raises:
        HeldError: Where another process holds it, with its id.
        UnwritableError: Where the folder cannot be written.
    """
    path, made = folder / LOCK, not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise cannot_write(folder, error) from error
    with file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise HeldError(
                f"Another process ({file.read().strip() or 'just started'}) works on "
                f"{out or folder}. Wait until it ends, or choose another --out."
            ) from error
        except OSError:
            pass  # A file system without locks, such as some network ones.
        try:
            same = os.path.samestat(os.fstat(file.fileno()), path.stat())
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
        except FileNotFoundError:
            same = False
        except OSError as error:
            raise cannot_write(path, error) from error
        if same:
            try:
                yield
            finally:
                if made and folder.is_dir() and os.listdir(folder) == [LOCK]:
                    shutil.rmtree(folder)
            return
    # Whoever held it has just ended and taken the folder away.
    with holding(folder, out):
        yield


@contextmanager
def working_folder(out: Path, doing: str, *, keep: bool = False) -> Iterator[Path]:
    """The folder `OUT.doing`, this process's alone, in which `out` is made; it goes at the end.

    Args:
        out: What is made.
        doing: `building`, `hydrating`, ...
        keep: After an error the folder stays, to go on; else it begins and ends empty.

    Yields:
        The folder.

    Raises:
        FaceRefError: Where it holds files of the user's.
        HeldError: Where another process makes `out`.
    """
    folder = out.with_name(f"{out.name}.{doing}")
    _need_work_folder(folder)
    with holding(folder, out):
        if not keep:
            _empty(folder)
        try:
            yield folder
        except BaseException as error:
            if not keep or isinstance(error, UnusableError):
                _throw_away(folder)
            raise
        _throw_away(folder)


def _need_work_folder(folder: Path) -> None:
    """Raise FaceRefError where `folder` is there and holds what no work of ours has put there."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    strange = strangers(folder, WORK_FILE)
    if strange or not any((folder / name).is_file() for name in (LOCK, "recipe.json")):
        raise FaceRefError(
            f"{folder} is needed for the work and holds other files: "
            f"{_names(strange or os.listdir(folder))}. Move that folder away, or choose "
            "another --out."
        )


def _throw_away(folder: Path) -> None:
    """Delete a working folder in one step: what a kill leaves of it is a temporary folder."""
    gone = folder.with_name(temporary_name(folder.name))
    folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)


def settle(out: Path, doing: str) -> None:
    """Put in order what a process that was killed while it moved its work to `out` has left.

    What was about to be replaced goes back to `out`; where `out` is made, the working folder goes.
    Every command that makes `out` begins with it.

    Args:
        out: What is made.
        doing: As `working_folder` has it.
    """
    sweep(out.parent)
    folder = out.with_name(f"{out.name}.{doing}")
    if not (folder / _MOVING).is_file():
        return
    _need_work_folder(folder)
    with holding(folder, out):
        if (folder / _OLD).exists() and not out.exists():
            (folder / _OLD).replace(out)
        if (folder / _MADE).exists():
            (folder / _MOVING).unlink()
        else:
            _throw_away(folder)


def half_replaced(out: Path) -> str:
    """For errors: the way out where `out` is missing since a killed process had moved it away."""
    away = [path for path in out.parent.glob(f"{glob.escape(out.name)}.*/{_OLD}") if path.is_dir()]
    if out.exists() or not away:
        return ""
    return (
        f" It was being replaced when a process was killed, and lies in {away[0]}: give that "
        "command (build, hydrate, remove or publish) again."
    )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def put_in_place(
    made: Path, out: Path, *, overwrite: bool, inputs: Iterable[Path] = (), key: str | None = None
) -> None:
    """Move the finished folder `made` to `out`; what it replaces goes with `made`'s own folder.

    Args:
        made: In a working folder.
        out: See `need_replaceable`, which is asked once more; also for the other arguments.
        overwrite: Whether a set that is there may go.
        inputs: What was read.
        key: What the manifest of a folder that is replaced must have.
    """
    need_replaceable(out, overwrite=overwrite, inputs=inputs, key=key)
    old = made.with_name(_OLD)
    try:
        made.with_name(_MOVING).touch()
        if out.exists():
            out.replace(old)
        made.replace(out)
    except OSError as error:
        if old.exists() and not out.exists():
            old.replace(out)
        raise cannot_write(out, error) from error


def need_file(path: Path, option: str = "--out", endings: Sequence[str] = ()) -> None:
    """Raise FaceRefError unless a file can be written there; nothing is written yet.

    Args:
        path: The file; its folder need not exist.
        option: Where it was given.
        endings: Those it may have, such as `.png`; empty allows all.
    """
    _need_names(path, option, LONGEST_NAME)
    if path.is_dir():
        raise FaceRefError(f"{option} {path} is a folder. Give the name of a file in it.")
    if endings and path.suffix.lower() not in endings:
        raise unknown_choice(f"ending of {option} {path}:", path.suffix, endings)
    _need_place(path.parent, option)


def need_folder(path: Path, option: str = "--out") -> None:
    """Raise FaceRefError unless files can be written to a folder, which may be yet to be made.

    Args:
        path: The folder.
        option: Where it was given.
    """
    _need_names(path, option, LONGEST_NAME)
    _need_place(path, option)


def _need_names(path: Path, option: str, longest: int) -> None:
    for part in path.parts:
        size = len(os.fsencode(part))
        if size > longest:
            raise FaceRefError(
                f"{option}: the name {part[:20]}... has {size} bytes, at most {longest} are "
                "possible. Choose a shorter one."
            )


def _need_place(folder: Path, option: str) -> None:
    """Raise UnwritableError unless `folder` is there, or can be made, and takes a file.

    A file without a name is made, for some file systems refuse what permissions allow.
    """
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise cannot_write(f"{option} {folder}", error) from error
