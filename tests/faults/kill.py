"""Kills commands at random moments and looks at what is left, and at what they finish with.

```
python tests/faults/kill.py --kills 200 --seed 0 --jobs 2 --out reports/reliability/kills.json
```

An attempt is one command in a folder of its own. It is killed one to three times in a row, half of
the times at a moment of its duration and half before one of its changes of a file; in between the
disk may be full, or the source renamed away while it runs. After each of these the inputs are as
they were, what is there is whole, and an error was one line. Then it runs to its end: every file
has the bytes of an undisturbed run, and no other file is there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults import jobs as known
from tests.faults.command import COUNT, DIE_AT, RUN
from tests.faults.jobs import JOBS, Job
from tests.hub.server import TOKEN, Hub

SPACE = 512 << 20
"""Bytes of the disk that an attempt runs on, where one can be mounted."""
LONGEST = 240.0
"""Seconds that no command takes."""
FAULT_SHARE = 0.3
"""Of the kills, how many a full disk comes after, and how many a vanished source."""


@dataclass(frozen=True)
class Undisturbed:
    """A run to the end, with which others are compared."""

    seconds: float
    first: float
    """Seconds until its first change of a file."""
    changes: int
    written: int
    """Bytes that it leaves."""
    digests: dict[str, str]
    hub: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """A command that has ended, or was killed."""

    code: int
    text: str
    """What it wrote to standard error."""
    said: str
    """What it wrote to standard output."""
    seconds: float
    first: float

    @property
    def killed(self) -> bool:
        """Whether it was, before it ended."""
        return self.code == -signal.SIGKILL

    @property
    def in_a_line(self) -> bool:
        """Whether it failed as commands do: by one line."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        told = bool(lines) and lines[-1].startswith("error: ")
        counted = bool(re.search(r"[1-9]\d* failed|failed: ", self.said))
        return self.code == 1 and (told or counted) and "Traceback" not in self.text


class Attempt:
    """One command in a folder, whatever happens to it."""

    def __init__(self, job: Job, stage: Path, folder: Path, aside: Path) -> None:
        self.job, self.folder, self.aside = job, folder, aside
        known.copy_given(job, stage, folder)
        self.inputs = {name: known.digests(folder / name) for name in job.unchanged}
        self.wrong: list[str] = []
        self.log: list[str] = []

    @property
    def _count(self) -> Path:
        return self.aside / "count"

    def changes(self) -> int:
        """Changes of files that the command has made."""
        return self._count.stat().st_size if self._count.exists() else 0

    def run(
        self,
        hub: Hub | None,
        *,
        die_at: int = 0,
        kill_after: float | None = None,
        vanish: bool = False,
        fewest: int | None = None,
    ) -> Ended:
        """The command, to its end or to that of its process.

        `die_at`: the change before which it is killed. `kill_after`: seconds since its first
        change, negative ones since its start. `vanish`: the source goes then, and comes back when
        it has ended. `fewest`: the most bytes that it may write to one file.
        """
        self._count.unlink(missing_ok=True)
        name = uuid.uuid4().hex
        variables = {COUNT: str(self._count), DIE_AT: str(die_at), RUN: name}
        variables |= {"RAY_TMPDIR": str(self.aside), "HF_HOME": str(self.aside / "hf")}
        if hub is not None:
            variables |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
        package, *words = self.job.words
        module = "faceref" if package == "faceref" else "benchmark"
        command = [sys.executable, "-m", "tests.faults.command", module, *words]
        start = time.monotonic()
        with (self.aside / "out").open("w") as out, (self.aside / "err").open("w") as err:
            child = subprocess.Popen(
                command,
                cwd=self.folder,
                env=known.environment() | variables,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=None if fewest is None else lambda: _limit(fewest),
            )
            first = self._wait(child, start, kill_after, vanish, name)
        _end_all(name)
        source = self.folder / self.job.source
        if (away := source.with_name("away")).exists():
            if source.exists():  # The command had read it, and has put its own in the place.
                shutil.rmtree(away)
            else:
                away.rename(source)
        text, said = ((self.aside / one).read_text(errors="replace") for one in ("err", "out"))
        return Ended(child.returncode, text, said, time.monotonic() - start, first)

    def _wait(
        self,
        child: subprocess.Popen[bytes],
        start: float,
        after: float | None,
        vanish: bool,
        name: str,
    ) -> float:
        first, due = 0.0, start - after if after is not None and after < 0 else None
        while child.poll() is None:
            now = time.monotonic()
            if not first and self.changes():
                first = now - start
                if after is not None and after >= 0:
                    due = now + after
            if due is not None and now >= due:
                due = None
                if vanish:
                    source = self.folder / self.job.source
                    if source.exists():
                        source.rename(source.with_name("away"))
                else:
                    os.killpg(child.pid, signal.SIGKILL)
            if now - start > LONGEST:
                self.wrong.append(f"took more than {LONGEST:.0f} s")
                _end_all(name)
            time.sleep(0.005)
        return first

    def look(self, when: str) -> None:
        """Note what is wrong with what lies there."""
        for name, before in self.inputs.items():
            if known.digests(self.folder / name) != before:
                self.wrong.append(f"{when}: the input {name} was changed")
        try:
            found = list(self.job.check(self.folder))
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        self.wrong += [f"{when}: {fault}" for fault in found]


def _limit(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _end_all(name: str) -> None:
    """Kill every process of the run `name`: those that it started in sessions of their own, too."""
    wanted = f"{RUN}={name}".encode()
    for _ in range(50):
        found = [pid for pid in _processes() if wanted in _variables(pid)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def _processes() -> Iterator[int]:
    yield from (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _variables(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """A small disk of its own at `folder`; False where none may be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "faults", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


@contextmanager
def _full(folder: Path, left: int) -> Iterator[None]:
    """All of the disk at `folder` but `left` bytes is taken."""
    ballast = folder / "ballast"
    free = os.statvfs(folder)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, free.f_bavail * free.f_bsize - left))
    try:
        yield
    finally:
        ballast.unlink()


def undisturbed(job: Job, stage: Path, work: Path) -> Undisturbed:
    """Run a job twice to its end: both must agree, or nothing could be compared with it."""
    found = [_to_the_end(job, stage, work) for _ in range(2)]
    names = _differences(found[0].digests, found[1].digests)
    if names:
        raise SystemExit(f"two undisturbed runs of {job.name} differ in {', '.join(names)}")
    return found[1]


def _to_the_end(job: Job, stage: Path, work: Path) -> Undisturbed:
    with _attempt(job, stage, work) as (attempt, hub, _):
        before = _bytes_below(attempt.folder)
        ended = attempt.run(hub)
        if ended.code:
            raise SystemExit(f"{job.name} failed undisturbed:\n{ended.text}{ended.said}")
        return Undisturbed(
            ended.seconds,
            ended.first,
            attempt.changes(),
            max(1 << 16, _bytes_below(attempt.folder) - before),
            known.digests(attempt.folder),
            _content(hub),
        )


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _content(hub: Hub | None) -> dict[str, bytes]:
    return {} if hub is None else hub.content(known.REPO, "v1")


@contextmanager
def _attempt(job: Job, stage: Path, work: Path) -> Iterator[tuple[Attempt, Hub | None, bool]]:
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work)))
        folder, aside = root / "job", root / "x"
        folder.mkdir()
        aside.mkdir()
        disk = stack.enter_context(_disk(folder))
        hub = stack.enter_context(Hub(root / "hub")) if job.hub else None
        yield Attempt(job, stage, folder, aside), hub, disk


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


def attempt(number: int, seed: int, job: Job, whole: Undisturbed, stage: Path, work: Path) -> Tally:
    """One attempt, whose moments depend on `seed` and `number` alone."""
    rng = np.random.default_rng([seed, number])
    tally = Tally(job.name)
    with _attempt(job, stage, work) as (tried, hub, disk):
        for _ in range(int(rng.integers(1, 4))):
            chance = rng.random()
            if _kill(tried, hub, whole, rng, tally):
                break
            if chance < FAULT_SHARE and _fill(tried, hub, whole, rng, disk, tally):
                break
            if chance > 1 - FAULT_SHARE and _vanish(tried, hub, whole, rng, tally):
                break
        _finish(tried, hub, whole, tally)
    tally.wrong = tried.wrong
    tally.log = tried.log
    return tally


@dataclass
class Tally:
    """What came of an attempt."""

    job: str
    kills: int = 0
    full: int = 0
    vanished: int = 0
    same: int = 0
    told: int = 0
    """Errors that were one line with the way out."""
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def _kill(
    tried: Attempt, hub: Hub | None, whole: Undisturbed, rng: np.random.Generator, tally: Tally
) -> bool:
    """Whether the command ended before it was killed."""
    share, by_change = rng.random(), rng.random() < 0.5
    if by_change:
        place = 1 + int(share * whole.changes)
        when = f"killed before change {place} of {whole.changes}"
        ended = tried.run(hub, die_at=place)
    else:
        when = f"killed at {share:.0%} of the time"
        ended = tried.run(hub, kill_after=_moment(share, whole))
    if ended.killed:
        tally.kills += 1
    else:
        when = f"not {when}: ended before"
        _note(tried, when, ended, tally)
    tried.log.append(when)
    tried.look(when)
    return not ended.killed


def _moment(share: float, whole: Undisturbed) -> float:
    """Seconds since the first change of a file, or negative ones since the start."""
    if share < 0.15:
        return -whole.first * share / 0.15
    return (share - 0.15) / 0.85 * (whole.seconds - whole.first)


def _fill(
    tried: Attempt,
    hub: Hub | None,
    whole: Undisturbed,
    rng: np.random.Generator,
    disk: bool,
    tally: Tally,
) -> bool:
    """Whether the command ended well all the same."""
    left = int(rng.random() * whole.written)
    if disk:
        with _full(tried.folder, left):
            ended = tried.run(hub)
    else:
        ended = tried.run(hub, fewest=left)
    _fault(tried, f"full disk, {left:,} bytes left", ended, tally)
    tally.full += 1
    return ended.code == 0


def _vanish(
    tried: Attempt, hub: Hub | None, whole: Undisturbed, rng: np.random.Generator, tally: Tally
) -> bool:
    """Whether the command ended well all the same."""
    share = rng.random()
    ended = tried.run(hub, kill_after=_moment(share, whole), vanish=True)
    _fault(tried, f"source vanished at {share:.0%}", ended, tally)
    tally.vanished += 1
    return ended.code == 0


def _fault(tried: Attempt, when: str, ended: Ended, tally: Tally) -> None:
    _note(tried, when, ended, tally)
    tried.log.append(f"{when}: status {ended.code}")
    tried.look(when)


def _note(tried: Attempt, when: str, ended: Ended, tally: Tally) -> None:
    """An end that was not a kill: well, or with an error in one line."""
    if ended.in_a_line:
        tally.told += 1
        tried.log.append(_last(ended))
    elif ended.code:
        tried.wrong.append(f"{when}: status {ended.code}, {ended.said[-500:]}{ended.text[-2000:]}")


def _last(ended: Ended) -> str:
    lines = [line for line in (ended.said + ended.text).splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _finish(tried: Attempt, hub: Hub | None, whole: Undisturbed, tally: Tally) -> None:
    ended = tried.run(hub)
    done = "exists already" in ended.text
    if ended.code and not done:
        tried.wrong.append(f"does not finish: {ended.text[-2000:]}{ended.said[-500:]}")
    tried.look("at the end")
    found = known.digests(tried.folder)
    for name in _differences(whole.digests, found):
        state = "differs" if name in whole.digests and name in found else "is missing"
        state = state if name in whole.digests else "is left over"
        tried.wrong.append(f"at the end {name} {state}")
    for name in _differences(whole.hub, _content(hub) if ended.code == 0 or done else whole.hub):
        tried.wrong.append(f"at the end {name} differs on the Hub")
    tally.same = int(not tried.wrong)


def report(command: str, seed: int, tallies: Sequence[Tally]) -> dict[str, Any]:
    """The content of `kills.json`."""
    kinds: dict[str, Counter[str]] = {}
    for tally in tallies:
        kind = kinds.setdefault(tally.job, Counter())
        kind["tried"] += tally.kills
        kind["full_disk"] += tally.full
        kind["vanished_source"] += tally.vanished
        kind["finished"] += 1
        kind["same_bytes"] += tally.same
        kind["told"] += tally.told
        kind["lost"] += bool(tally.wrong)
    names = ("tried", "full_disk", "vanished_source", "told", "finished", "same_bytes", "lost")
    return {
        "what": "commands killed with SIGKILL at random moments",
        "command": command,
        "seed": seed,
        "tried": sum(tally.kills for tally in tallies),
        "lost": sum(bool(tally.wrong) for tally in tallies),
        "not_compared": known.NOT_COMPARED | known.NOT_READ,
        "kinds": {name: {one: kinds[name][one] for one in names} for name in JOBS if name in kinds},
    }


class Plan:
    """Attempts, until there were as many kills as wanted."""

    def __init__(self, kills: int, names: Sequence[str]) -> None:
        self.left, self.number, self.lock = kills, 0, threading.Lock()
        self.turns = [name for name in names for _ in range(JOBS[name].weight)]

    def next(self) -> tuple[int, Job] | None:
        """Number and job of the next attempt."""
        with self.lock:
            if self.left <= 0:
                return None
            self.number += 1
            order = np.random.default_rng((self.number - 1) // len(self.turns))
            turns = order.permutation(self.turns)
            return self.number, JOBS[str(turns[(self.number - 1) % len(turns)])]

    def done(self, kills: int) -> None:
        """Count the kills of an attempt."""
        with self.lock:
            self.left -= kills


def run(kills: int, seed: int, names: Sequence[str], side_by_side: int, work: Path) -> list[Tally]:
    """All attempts; each is printed with its moments."""
    stage = work / "stage"
    known.prepare(stage)
    with ThreadPoolExecutor(side_by_side) as pool:
        wholes = dict(
            zip(names, pool.map(lambda n: undisturbed(JOBS[n], stage, work), names), strict=True)
        )
    for name, whole in wholes.items():
        print(f"{name}: {whole.seconds:.1f} s, {whole.changes} changes of files", flush=True)
    plan, tallies = Plan(kills, names), []

    def work_off() -> None:
        while (one := plan.next()) is not None:
            number, job = one
            tally = attempt(number, seed, job, wholes[job.name], stage, work)
            plan.done(tally.kills)
            tallies.append(tally)
            _print(number, tally)

    with ThreadPoolExecutor(side_by_side) as pool:
        for future in [pool.submit(work_off) for _ in range(side_by_side)]:
            future.result()
    return tallies


def _print(number: int, tally: Tally) -> None:
    lines = [
        f"{number} {tally.job}: {'; '.join(tally.log)}",
        *(f"  WRONG {w}" for w in tally.wrong),
    ]
    print("\n".join(lines), flush=True)


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description="Kill commands and see what is left.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="side by side")
    parser.add_argument("--only", action="append", choices=list(JOBS), help="several times")
    parser.add_argument("--work", type=Path, help="a folder to keep what is prepared in")
    parser.add_argument("--out", type=Path, help="JSON")
    given = parser.parse_args()
    with ExitStack() as stack:
        work = given.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = given.only or list(JOBS)
        tallies = run(given.kills, given.seed, names, given.jobs, work)
    words = ["python", "tests/faults/kill.py", *sys.argv[1:]]
    content = report(" ".join(words), given.seed, tallies)
    print(json.dumps(content["kinds"], indent=2))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(int(content["lost"] > 0))


if __name__ == "__main__":
    main()
