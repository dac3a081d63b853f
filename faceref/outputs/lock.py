"""One process an output: the lock of a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceref.errors import HeldError, cannot_write

try:
    import fcntl
except ImportError:  # Windows: there two builds of one set are not kept apart.
    fcntl: Any = None

LOCK = "lock"


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
    path = folder / LOCK
    # A killed process may have left a folder with nothing but the lock.
    made = not folder.exists() or (folder.is_dir() and os.listdir(folder) == [LOCK])
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
