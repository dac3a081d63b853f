"""Temporary folders: what they are called, and how those of killed processes go."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
from functools import cache
from pathlib import Path

_NAME = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)\.tmp", re.DOTALL)

_LONG_NAME = 200
"""Bytes; what is added must fit into the 255 that a name may have."""


def temporary_name(name: str) -> str:
    """The name of this process's temporary folder for `name`: it says by whom it was made."""
    if len(os.fsencode(name)) > _LONG_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}.{_machine()}-{os.getpid()}.tmp"


def sweep(folder: Path) -> None:
    """Delete the temporary folders in `folder` whose process, of this machine, has ended.

    Args:
        folder: It need not exist. Folders in it are not looked into.
    """
    for path in folder.glob(".*.tmp"):
        found = _NAME.fullmatch(path.name)
        if found and found[1] == _machine() and not _runs(int(found[2])):
            shutil.rmtree(path, ignore_errors=True)


@cache
def sweep_once(folder: Path) -> None:
    """`sweep`, the first time that this process asks for `folder`."""
    sweep(folder)


@cache
def _machine() -> str:
    """Eight digits for the name of this machine: on shared storage only it knows its processes."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    """Whether a process of this machine runs; true where that cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
