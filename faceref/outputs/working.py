"""The folder that an output is made in, and the move of what is finished to its place."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faceref.errors import FaceRefError, UnusableError, cannot_write
from faceref.outputs.leftovers import sweep, temporary_name
from faceref.outputs.lock import LOCK, holding
from faceref.outputs.ours import MOVING, WORK_FILE, names, need_replaceable, strangers

_MADE, _OLD = "finished", "replaced"
_ANEW = "nothing was changed: give the same command again, and it begins anew"


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
    folder = _beside(out, doing)
    _need_work_folder(folder)
    with holding(folder, out):
        if not keep:
            _empty(folder)
        try:
            yield folder
        except BaseException as error:
            if not keep or isinstance(error, UnusableError):
                _throw_away(folder)
            if not keep and isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(_ANEW) from None
            raise
        _throw_away(folder)


def _beside(out: Path, doing: str) -> Path:
    """The working folder of `out`; raises FaceRefError for `.` and `/`, which have no name."""
    if not out.name:
        raise FaceRefError(
            f"--out {out} is no place for a set, which needs a folder of its own. Give its name: "
            f"{out / 'face_ref'}"
        )
    whole = out.resolve() if out.name == ".." else out
    return whole.with_name(f"{whole.name}.{doing}")


def _need_work_folder(folder: Path) -> None:
    """Raise FaceRefError where `folder` is there and holds what no work of ours has put there."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    strange = strangers(folder, WORK_FILE)
    if strange or not any((folder / name).is_file() for name in (LOCK, "recipe.json")):
        raise FaceRefError(
            f"{folder} is needed for the work and holds other files: "
            f"{names(strange or os.listdir(folder))}. Move that folder away, or choose "
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
    folder = _beside(out, doing)
    sweep(out.parent)
    if not (folder / MOVING).is_file():
        return
    _need_work_folder(folder)
    with holding(folder, out):
        if (folder / _OLD).exists() and not out.exists():
            (folder / _OLD).replace(out)
        if (folder / _MADE).exists():
            (folder / MOVING).unlink()
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
        made.with_name(MOVING).touch()
        if out.exists():
            out.replace(old)
        made.replace(out)
    except BaseException as error:  # Ctrl-C, too: what was replaced would go with the folder.
        if old.exists() and not out.exists():
            old.replace(out)
        if isinstance(error, OSError):
            raise cannot_write(out, error) from error
        raise
