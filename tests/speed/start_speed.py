"""How long imports and `--help` take, beside Python itself.

    python tests/speed/start_speed.py [--rounds 5]

Each import and the help of each command, groups included, run in a process of their own, once to
warm the disk's cache and then `--rounds` times; the best counts. One JSON line is printed, in
seconds. `imports` are over a Python that imports nothing; `peer` is the import of torch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from typer.main import get_command

PACKAGES = {"faceref": "faceref.cli.app", "facebench": "benchmark.cli.app"}
MODULES = {"faceref": "faceref", "facebench": "benchmark"}


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description="Speed of imports and --help.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    nothing = seconds(["-c", "pass"], rounds)
    imports = {name: seconds(["-c", f"import {name}"], rounds) for name in MODULES.values()}
    helps = {
        " ".join(command): seconds(["-m", MODULES[command[0]], *command[1:], "--help"], rounds)
        for command in commands()
    }
    slowest = max(helps, key=lambda name: helps[name])
    found = {
        "python": nothing,
        "imports": {name: round(found - nothing, 3) for name, found in imports.items()},
        "peer": {"torch": round(seconds(["-c", "import torch"], rounds) - nothing, 3)},
        "helps": len(helps),
        "slowest": {slowest: helps[slowest]},
        "help": helps,
    }
    print(json.dumps(found))


def commands() -> Iterator[tuple[str, ...]]:
    """Words of every command and group."""
    for name, module in PACKAGES.items():
        app = __import__(module, fromlist=["app"]).app
        yield from _below((name,), get_command(app))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from _below((*words, name), inner)


def seconds(arguments: Sequence[str], rounds: int) -> float:
    """The best of `rounds` runs of Python with `arguments`."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return round(min(times[1:]), 3)


if __name__ == "__main__":
    main()
