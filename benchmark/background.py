"""A command of `facebench` once more, in a process of its own that outlives the terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from faceref.errors import FaceRefError
from faceref.outputs.writable import need_file

AT_ONCE_SECONDS = 10.0
"""How long to wait for an error before it is believed that the command works."""


def start_in_background(arguments: Sequence[str], log: str | Path) -> str:
    """Start `facebench` with `arguments`; what it prints goes to `log`.

    Args:
        arguments: Words of the command line, without `facebench`.
        log: File to append to; its folder is made.

    Returns:
        What to say of it.

    Raises:
        FaceRefError: Where the command ends with an error at once, with what it said.
    """
    log = Path(log).expanduser()
    need_file(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        before = file.tell()
        started = subprocess.Popen(
            [sys.executable, "-m", "benchmark", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        status = started.wait(AT_ONCE_SECONDS)
    except subprocess.TimeoutExpired:
        return (
            f"Process {started.pid} works, after this terminal is closed, too; its output is in "
            f"{log}. What is left: --status. To stop it: kill {started.pid}"
        )
    said = log.read_bytes()[before:].decode("utf-8", "replace").strip()
    if status:
        raise FaceRefError(f"it ended at once, with status {status}:\n{said}")
    return said
