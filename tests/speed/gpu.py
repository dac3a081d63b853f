"""Checks and times all that can run on an NVIDIA card, in at most eight minutes.

    python -m tests.speed.gpu --out gpu.json [--set FACE_REF] [--pack PACK] [--minutes 8]

Each part of `tests/speed/devices/` runs in a process of its own, compares the card with the CPU and
times both. It has at most half of the time that is left; one that fails, dies or takes longer is
written down with its reason, and the rest goes on. The JSON is written anew after each part. No
data is needed: without --set a Face_Ref is made of the embedded sample, by an embedder without
models. `--device cpu` runs the same on small sizes, the CPU against itself: that tests this script.

Of each part the JSON has `state` (`ok`; `failed`: the card does not do what the CPU does, or an
error; `skipped`: something is not at hand), `reason`, `seconds` and `numbers`, in which `cpu_...`
is of the CPU and `there_...` of the device. The exit code is 1 where a part failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from faceref.console import print_table
from faceref.errors import FaceRefError
from faceref.files import write_json
from tests.speed.devices.parts import PARTS, run_part
from tests.speed.devices.task import Task

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "triton", "faiss-gpu", "faiss-cpu", "onnxruntime-gpu", "onnxruntime", "numpy")
Answer = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts, print a table; gives the exit code."""
    parser = argparse.ArgumentParser(description="Check and time the package on an NVIDIA card.")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="JSON to write")
    parser.add_argument(
        "--set",
        type=Path,
        help="a Face_Ref of some thousand faces; without, one of the sample is made",
    )
    parser.add_argument("--pack", help="insightface model pack, for the part `embed`")
    parser.add_argument("--minutes", type=float, default=8.0, help="for everything together")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, between commas")
    parser.add_argument("--child", nargs=2, metavar=("PART", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        in_child(given.child[0], Path(given.child[1]))
        return 0
    names = given.only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    try:
        report = measure(given, names)
    except FaceRefError as error:
        print(error, file=sys.stderr)
        return 1
    show(report)
    return int(any(answer["state"] == "failed" for answer in report["parts"].values()))


def measure(given: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The report, which is written after each part; raises FaceRefError where nothing can run."""
    clock = Clock(60 * given.minutes)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        # Parts run elsewhere. What is no folder here is the name of a pack.
        here = given.pack and Path(given.pack).is_dir()
        pack = str(Path(given.pack).absolute()) if here else given.pack
        task = {"device": given.device, "pack": pack, "face_ref": None}
        machine = needed("machine", scratch, task, clock)
        report = {"device": given.device, "minutes": given.minutes, "machine": machine}
        task["face_ref"] = str(given.set.absolute()) if given.set else None
        if not given.set:
            task["face_ref"] = needed("material", scratch, task, clock)["face_ref"]
        report["set"] = str(given.set or "made of the embedded sample")
        report["parts"] = parts = {}
        for name in names:
            parts[name] = ask(name, scratch, task, clock.share())
            report["seconds"] = round(clock.spent, 1)
            write_json(given.out, report)
            print(f"{name}: {parts[name]['state']}", file=sys.stderr, flush=True)
    return report


class Clock:
    """The time that is given to all parts together."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.now, self.start, self.seconds = now, now(), seconds

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self.now() - self.start

    def share(self) -> float:
        """Seconds for the next part: half of what is left."""
        return max(0.0, (self.seconds - self.spent) / 2)


def needed(name: str, scratch: Path, task: Answer, clock: Clock) -> dict[str, Any]:
    """Numbers of what all parts need; raises FaceRefError where it fails."""
    answer = ask(name, scratch, task, clock.share())
    if answer["state"] != "ok":
        raise FaceRefError(answer["reason"])
    return answer["numbers"]


def ask(name: str, scratch: Path, task: Answer, seconds: float) -> Answer:
    """What a part answers from a process of its own, or how that ended without an answer."""
    folder = scratch / name
    folder.mkdir()
    write_json(folder / "task.json", task)
    command = [sys.executable, "-m", "tests.speed.gpu", "--child", name, str(folder)]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    start, said = time.monotonic(), folder / "said.txt"
    with said.open("wb") as out:
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
        end = None
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            end = f"no answer within {seconds:.0f} s"
        finally:
            # With all that it started, such as compilers.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    answer = _answer(folder) or _failed(end or _last_words(child.returncode, said))
    return {**answer, "seconds": round(time.monotonic() - start, 1)}


def _answer(folder: Path) -> Answer | None:
    path = folder / "answer.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _failed(reason: str) -> Answer:
    return {"state": "failed", "reason": reason, "numbers": {}}


def _last_words(status: int, said: Path) -> str:
    if status < 0:
        return f"the process died of {signal.Signals(-status).name}"
    lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
    return f"the process ended with {status}: {lines[-1][:300]}"


def in_child(name: str, folder: Path) -> None:
    """Do the part `name` as `folder` says, and answer there."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    work = folder / "work"
    work.mkdir()
    try:
        answer = _done(name, task, work)
    except FaceRefError as error:
        answer = _failed(str(error))
    write_json(folder / "answer.json", answer)


def _done(name: str, task: Answer, work: Path) -> Answer:
    given = Task(task["device"], Path(task["face_ref"] or work), work, task["pack"])
    if name == "machine":
        return {"state": "ok", "reason": None, "numbers": machine(given.device)}
    if name == "material":
        from tests.speed.devices.faces import build_set

        made = build_set(work / "face_ref", given, "cpu")
        return {"state": "ok", "reason": None, "numbers": {"face_ref": str(made)}}
    return run_part(name, given)


def machine(device: str) -> dict[str, Any]:
    """What the numbers depend on; raises FaceRefError where the device is not to be had."""
    import torch

    from faceref.hardware import hardware, open_device, versions

    found: dict[str, Any] = {"cpu": hardware(torch.device("cpu")), "versions": versions()}
    if open_device(device).type == "cuda":
        card = torch.cuda.get_device_properties(0)
        found["card"] = {
            "name": card.name,
            "gib": round(card.total_memory / 2**30, 1),
            "capability": f"{card.major}.{card.minor}",
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found["versions"].setdefault(package, metadata.version(package))
    return found


def show(report: dict[str, Any]) -> None:
    """Print a table of the parts, and below it the numbers of each."""
    name = report["machine"].get("card", report["machine"]["cpu"])
    title = f"{name.get('name', name.get('device'))}, {report['seconds']:.0f} s"
    rows = [
        [part, answer["state"], f"{answer['seconds']:.1f}", answer["reason"] or ""]
        for part, answer in report["parts"].items()
    ]
    print_table(title, ["part", "state", "seconds", "reason"], rows, numbers=False)
    for part, answer in report["parts"].items():
        for key, value in flat(answer["numbers"]):
            print(f"{part:24}{key:42}{value}")


def flat(numbers: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Numbers within numbers as lines of a name and a text."""
    found = []
    for key, value in numbers.items():
        if isinstance(value, dict):
            found += flat(value, f"{before}{key}.")
        else:
            found.append((f"{before}{key}", json.dumps(value)))
    return found


if __name__ == "__main__":
    sys.exit(main())
