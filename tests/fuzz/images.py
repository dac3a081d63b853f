"""Mutated images through `faceref.reading.image`: each must end as pixels or as a reason.

`python -m tests.fuzz.images --count 200000 --seed 0 --out reports/reliability/images.json`

Images are decoded in child processes with 1 GiB beside what Python takes and 5 s for each, so that
memory without bound, a hang or a crash of a C library is seen. What escapes is kept beside `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from faceref.errors import UnreadableImage
from faceref.reading.image import decode
from tests.fuzz.counts import Counts
from tests.fuzz.image_seeds import seeds
from tests.fuzz.mutate import mutated

SECONDS = 5.0
"""For one image; then the child is ended."""
MEMORY = 1 << 30
"""Bytes that a child may take beside what it has when it begins."""
CHILD = 2000
"""Images a child."""
MUTE = "needs more memory than there is"
"""The reason that hides a use of memory without bound."""
Seeds = Mapping[str, Sequence[bytes]]
Outcome = tuple[int, str, str, float, float]
"""Number of the image; right, refused or escaped; the reason; seconds; MB taken at most."""


@dataclass
class Tally(Counts):
    """What became of the images of one format."""

    reasons: dict[str, int] = field(default_factory=dict)
    """Why images were refused."""

    def add(self, end: str, reason: str, seconds: float, peak: float) -> None:
        """Count one image."""
        self.tried += 1
        setattr(self, end, getattr(self, end) + 1)
        self.slowest_s = max(self.slowest_s, round(seconds, 3))
        self.peak_mb = max(self.peak_mb, round(peak, 1))
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1


def case(given: Seeds, seed: int, number: int) -> tuple[str, bytes]:
    """The format and the bytes of image `number`."""
    rng = np.random.default_rng([seed, number])
    kind = list(given)[number % len(given)]
    pool = given[kind]
    others = pool if rng.random() < 0.7 else given[list(given)[int(rng.integers(len(given)))]]
    data, other = pool[int(rng.integers(len(pool)))], others[int(rng.integers(len(others)))]
    return kind, mutated(rng, kind, data, other)


def _status(name: str) -> float:
    """A line of this process's status in MB, such as `VmHWM`, its peak of memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def _child(given: Seeds, seed: int, start: int, stop: int, out: Connection) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libtiff says of each
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, inside a C library, too
    limit = int(_status("VmSize") * (1 << 20)) + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(start, stop):
        _, data = case(given, seed, number)
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        begun = time.perf_counter()
        end, reason = _tried(data)
        seconds = time.perf_counter() - begun
        signal.setitimer(signal.ITIMER_REAL, 0)
        out.send((number, end, reason, seconds, max(0.0, _status("VmHWM") - before)))
    out.close()


def _tried(data: bytes) -> tuple[str, str]:
    try:
        found = decode(data)
    except UnreadableImage as error:
        return ("escaped" if str(error) == MUTE else "refused"), str(error)
    except BaseException as error:
        return "escaped", f"{type(error).__name__}: {error}"
    right = found.pixels.dtype == np.uint8 and found.pixels.shape[2:] == (3,)
    right &= found.alpha is None or found.alpha.shape == found.pixels.shape[:2]
    return ("right", "") if right else ("escaped", "no RGB")


def outcomes(given: Seeds, seed: int, count: int) -> Iterator[Outcome]:
    """What became of each image; a child that dies is followed by another."""
    context = get_context("fork")
    start = 0
    while start < count:
        stop = min(count, start + CHILD)
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(given, seed, start, stop, theirs))
        process.start()
        theirs.close()
        try:
            while start < stop:
                outcome = ours.recv()
                start = outcome[0] + 1
                yield outcome
        except EOFError:
            process.join()
            yield start, "escaped", _death(process.exitcode), SECONDS, 0.0
            start += 1
        process.join()


def _death(code: int | None) -> str:
    return "hang" if code == -signal.SIGALRM else f"crash: exit status {code}"


def fuzz(count: int, seed: int, kept: Path | None = None) -> dict[str, Tally]:
    """Try `count` images; what escapes is written to the folder `kept`."""
    given = seeds()
    tallies = {kind: Tally() for kind in given}
    for number, end, reason, seconds, peak in outcomes(given, seed, count):
        kind, data = case(given, seed, number)
        tallies[kind].add(end, reason, seconds, peak)
        if end == "escaped" and kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{seed}-{number}.{kind.lower()}").write_bytes(data)
            print(f"{kind} {number}: {reason}", file=sys.stderr, flush=True)
    return tallies


def report(tallies: Mapping[str, Tally], count: int, seed: int, out: Path) -> dict[str, object]:
    """The content of `--out`."""
    return {
        "what": "mutated images",
        "command": f"python -m tests.fuzz.images --count {count} --seed {seed} --out {out}",
        "seed": seed,
        "tried": sum(tally.tried for tally in tallies.values()),
        "lost": sum(tally.escaped for tally in tallies.values()),
        "kinds": {kind: asdict(tally) for kind, tally in tallies.items()},
    }


def main() -> int:
    """Run from the command line; the status is 1 where something escaped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("reports/reliability/images.json"))
    given = parser.parse_args()
    tallies = fuzz(given.count, given.seed, given.out.parent / "escaped")
    found = report(tallies, given.count, given.seed, given.out)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{found['tried']:,} images, {found['lost']:,} escaped: {given.out}")
    return 1 if found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
