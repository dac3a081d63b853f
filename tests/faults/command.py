"""A command of the package as a child to kill: it notes each change of a file, and can die at one.

`python -m tests.faults.command faceref build ...`, in the folder whose files are watched. A build
saves every 6 images instead of 512 and a training after every step instead of every minute, so
that a job of seconds passes through as many states as one of hours.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

COUNT = "FAULTS_COUNT"
"""Environment: a file that grows by a byte before each change of a file."""
DIE_AT = "FAULTS_DIE_AT"
"""Environment: the number of the change before which the process is killed; 0: never."""
RUN = "FAULTS_RUN"
"""Environment: a name of this run, by which its processes are found, Ray's included."""
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink")
IMAGES_A_PART = 6


def _changes(event: str, details: tuple[Any, ...], folder: str) -> bool:
    """Whether an event that Python reports is a change of a file below `folder`."""
    if event == "open":
        flags = details[2] if isinstance(details[2], int) else 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and _lies_in(folder, details[0])
    if event not in CHANGES:
        return False
    in_open_folder = isinstance(details[-1], int) and details[-1] >= 0
    return in_open_folder or _lies_in(folder, details[0])


def _lies_in(folder: str, path: Any) -> bool:
    """Whether `path` does, as far as its name shows."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    text = os.fsdecode(os.fspath(path))
    return not os.path.isabs(text) or text.startswith(folder + os.sep)


def watch(folder: Path, count: Path, die_at: int) -> None:
    """Note each change of a file in `folder` in `count`, and die before number `die_at`."""
    log = os.open(count, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    changes = 0

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal changes
        if _changes(event, details, str(folder)):
            changes += 1
            os.write(log, b".")
            if changes == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> None:
    """Run the command that the arguments give."""
    package, *sys.argv[1:] = sys.argv[1:]
    if package == "faceref":
        from faceref.cli.app import app
        from faceref.pipeline import local_executor

        local_executor.CHUNK = IMAGES_A_PART
    else:
        from benchmark.cli.app import app

        if {"train", "suite"} & {*sys.argv}:
            from benchmark.training import trainer

            trainer.SAVE_SECONDS = 0.0
    watch(Path.cwd(), Path(os.environ[COUNT]), int(os.environ.get(DIE_AT, "0")))
    app()


if __name__ == "__main__":
    main()
