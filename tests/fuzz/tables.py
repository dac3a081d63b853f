"""Damages tables, manifests, results, checkpoints and weights, and opens them as commands do.

`python -m tests.fuzz.tables --count 20000 --seed 0 --out tables.json`: whatever escapes (an
exception that is no FaceRefError, more than 5 s, more than 1 GiB, a process that dies) is printed,
and its files are kept beside `--out`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from faceref.errors import FaceRefError
from faceref.files import write_json
from tests.fuzz.counts import Counts
from tests.fuzz.table_kinds import KINDS, Kind

SECONDS = 5
MEGABYTES = 1024
WARM_UP = 600
"""Seconds that a child has to import what it needs: torch takes half a minute on a busy machine."""
GRACE = 30
"""Seconds after which a child that answers nothing is ended."""


class TooSlowError(BaseException):
    """The alarm; no `except Exception` may catch it."""


def _alarm(*_: object) -> None:
    raise TooSlowError


def _memory(field: str) -> float:
    """MB of this process, by a field of `/proc/self/status`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def try_case(kind: Kind, folder: Path, rng: np.random.Generator) -> tuple[str, str]:
    """Damage one file of `folder` and open it: `right`, `refused` or `escaped`, and what was said.

    The files are not put back.
    """
    kind.damage(folder, rng)
    signal.signal(signal.SIGALRM, _alarm)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        kind.open(folder)
        return "right", ""
    except FaceRefError as error:
        said = str(error)
        return ("escaped", f"several lines: {said!r}") if "\n" in said else ("refused", said)
    except TooSlowError:
        return "escaped", f"more than {SECONDS} s\n{traceback.format_exc()}"
    except Exception:
        return "escaped", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


Answer = tuple[int, str, str, float, float]
"""Number of the case, its outcome, what was said, seconds, and MB of memory more than before."""


def attempts(kind: Kind, folder: Path, cases: range, seed: int) -> Iterator[Answer]:
    """Try each case in `folder`, which holds sound files again after it."""
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for case in cases:
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        start = time.monotonic()
        outcome, said = try_case(kind, folder, np.random.default_rng([seed, case]))
        seconds, grown = time.monotonic() - start, max(0.0, _memory("VmHWM") - before)
        if grown > MEGABYTES:
            outcome, said = "escaped", f"{grown:.0f} MB more"
        yield case, outcome, said, seconds, grown
        _put_back(folder, kept)


def _work(kind: Kind, base: Path, cases: range, seed: int, pipe: Connection) -> None:
    """The child: its own copy of the files, the outcome of each case sent to the parent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(base, folder, dirs_exist_ok=True)
    kind.open(folder)  # Sound files open, and what is imported on the way is no cost of a case.
    pipe.send("ready")
    for answer in attempts(kind, folder, cases, seed):
        pipe.send(answer)
        if answer[1] == "escaped":
            pipe.recv()  # The parent keeps the files before they are put back.
    pipe.send(None)
    shutil.rmtree(folder)


def _put_back(folder: Path, kept: dict[Path, bytes]) -> None:
    for path in list(folder.rglob("*")):
        if path.is_file() and path not in kept:
            path.unlink()
    for path, data in kept.items():
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def _context() -> Any:
    """Children of a server that has torch loaded and not used, so that no thread is lost."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "pandas", "tests.fuzz.table_kinds"])
    return context


def _answers(kind: Kind, base: Path, count: int, seed: int) -> Iterator[Answer]:
    """What children say of cases 0 to `count`; one that dies or hangs is an escape."""
    context, case = _context(), 0
    while case < count:
        ours, theirs = context.Pipe()
        child = context.Process(target=_work, args=(kind, base, range(case, count), seed, theirs))
        child.start()
        theirs.close()
        try:
            if ours.poll(WARM_UP):
                ours.recv()
            while ours.poll(GRACE) and (answer := ours.recv()) is not None:
                yield answer
                case = answer[0] + 1
                if answer[1] == "escaped":
                    ours.send(None)
            if case < count:
                yield case, "escaped", f"no answer in {GRACE} s", GRACE, 0.0
                case += 1
        except EOFError:
            child.join()
            yield case, "escaped", f"the process ended with {child.exitcode}", 0.0, 0.0
            case += 1
        child.kill()
        child.join()


def fuzz(kind: Kind, count: int, seed: int, keep: Path | None = None) -> Counts:
    """Try `count` damaged files of a kind; what escapes is printed, and rebuilt in `keep`."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        base.mkdir()
        making = _context().Process(target=kind.make, args=(base,))
        making.start()
        making.join()
        assert making.exitcode == 0, f"{kind.name}: nothing to damage"
        for case, outcome, said, seconds, grown in _answers(kind, base, count, seed):
            counts.tried += 1
            setattr(counts, outcome, getattr(counts, outcome) + 1)
            counts.slowest_s = round(max(counts.slowest_s, seconds), 2)
            counts.peak_mb = round(max(counts.peak_mb, grown), 1)
            if outcome == "escaped":
                print(f"{kind.name}, seed {seed}, case {case}: {said}", flush=True)
                _keep(kind, base, case, seed, keep)
    return counts


def _keep(kind: Kind, base: Path, case: int, seed: int, keep: Path | None) -> None:
    if keep is not None:
        folder = keep / f"{kind.name.replace(' ', '-')}-{seed}-{case}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        kind.damage(folder, np.random.default_rng([seed, case]))


def main() -> None:
    """Fuzz all kinds and write what came of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=20_000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--out", type=Path, default=None)
    asked.add_argument("--kind", choices=[kind.name for kind in KINDS], default=None)
    given = asked.parse_args()
    kinds = [kind for kind in KINDS if given.kind in (None, kind.name)]
    keep = given.out.with_suffix("") if given.out else None
    found = {}
    for place, kind in enumerate(kinds):
        share = given.count // len(kinds) + (place < given.count % len(kinds))
        found[kind.name] = asdict(fuzz(kind, share, given.seed, keep))
        print(f"{kind.name}: {found[kind.name]}", flush=True)
    report = {
        "what": "damaged tables, manifests, results, checkpoints, weights and Parquet files",
        "command": " ".join(["python -m tests.fuzz.tables", *sys.argv[1:]]),
        "seed": given.seed,
        "tried": sum(kind["tried"] for kind in found.values()),
        "lost": 0,
        "kinds": found,
    }
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(given.out, report)
    sys.exit(any(kind["escaped"] for kind in found.values()))


if __name__ == "__main__":
    main()
