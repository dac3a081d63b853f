"""The jobs that are killed: their commands, what they are given, what must be equal at the end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = "me/faces"
PEOPLE, IMAGES = 12, 2
SPLITS = ("--val", "0.2", "--test", "0.2")
GONE = ("p000/p000_0", "p005/p005_1")
"""Image ids that are removed."""

NOT_COMPARED = {
    "seconds": "a time",
    "milliseconds": "a time",
    "images_per_second": "a time",
    "stall_share": "a time",
    "peak_memory_mib": "memory of the process",
    "sha256": "of the file itself, whose other fields are times",
    "salt": "random on purpose",
    "hashes": "made with the salt",
}
"""Fields of JSON files that two undisturbed runs do not share, and why."""
NOT_READ = {
    "checkpoint.pt": "holds seconds; best.pt, which came of it, is compared",
    "lock": "the id of the process",
}
"""Files of which only the name is compared, and why."""


@dataclass(frozen=True)
class Job:
    """One command, given anew in a folder of its own."""

    name: str
    words: tuple[str, ...]
    """Package, command and arguments, with paths in that folder."""
    given: tuple[str, ...]
    """Folders and files of the stage that it is given; what is left of it at the end is equal."""
    source: str
    """That of `given` which vanishes for a while."""
    check: Callable[[Path], Iterator[str]]
    """Of the folder: what claims to be finished and is not whole."""
    unchanged: tuple[str, ...] = ()
    """Those of `given` that must keep their bytes."""
    hub: bool = False
    """Whether it talks to a Hub."""
    weight: int = 2
    """How often it is tried beside the others."""


def _jobs() -> list[Job]:
    build = ("faceref", "build", "people", "--out", "made", "--embedder", "dlib", *SPLITS)
    hydrate = ("faceref", "hydrate", "index", "--source", "people", "--out", "made")
    publish = ("faceref", "publish", "set", REPO, "--full", "--licence", "cc-by-4.0")
    one = ("--threads", "1")
    people, the_set = ("people",), ("set",)
    suite = ("facebench", "suite", "debug", "--face-ref", "set", "--out", "suite")
    study = ("facebench", "study", "references", "set", "--run", "run", "--out", "study")
    return [
        Job("build", build, people, "people", _sets, people),
        Job("build in place of a set", (*build, "--overwrite"), (*people, "made"), "people", _sets,
            people),
        Job("build by Ray", (*build, "--executor", "ray", "--workers", "2"), people, "people",
            _sets, people, weight=1),
        Job("hydrate", hydrate, ("people", "index"), "people", _sets, ("people", "index")),
        Job("hydrate in place of a set", (*hydrate, "--overwrite"), ("people", "index", "made"),
            "people", _sets, ("people", "index")),
        Job("remove", ("faceref", "remove", "made", "--ids", "ids.txt", "--embedder", "dlib"),
            ("made", "ids.txt"), "made", _sets, ("ids.txt",)),
        Job("publish", publish, the_set, "set", _releases, the_set, hub=True),
        Job("publish in place of a release", publish, ("set", "set-release"), "set", _releases,
            the_set, hub=True),
        Job("train", ("facebench", "train", "set", "--method", "warp_s", "--budget", "debug",
            "--out", "trained", *one), the_set, "set", _runs, the_set),
        Job("suite", (*suite, "--methods", "bicubic,srcnn", "--tune", *one), the_set, "set",
            _results, the_set),
        Job("study", (*study, "--counts", "1,2", "--limit", "4", *one), ("set", "run"), "set",
            _studies, ("set", "run")),
        Job("upscale", ("facebench", "upscale", "crops", "--aligned", "--face-ref", "set",
            "--weights", "run", "--out", "large"), ("set", "run", "crops"), "crops", _images,
            ("set", "run", "crops")),
    ]  # fmt: skip


def _sets(folder: Path) -> Iterator[str]:
    """The set `made`, where it is there, is what its manifest says."""
    import faceref

    if (folder / "made").exists():
        yield from (f"made: {fault}" for fault in faceref.verify(folder / "made"))


def _releases(folder: Path) -> Iterator[str]:
    """The release, where it is there, is whole."""
    import faceref

    root = folder / "set-release"
    if root.exists():
        yield from (f"set-release: {fault}" for fault in faceref.verify(root))


def _runs(folder: Path) -> Iterator[str]:
    """Each finished training has the weights that its report names."""
    for report in folder.rglob("training.json"):
        if report.parent.name.endswith(".tmp"):
            continue  # Not yet there: it is moved to its place when it is whole.
        named = json.loads(report.read_text(encoding="utf-8"))["weights_sha256"]
        found = _digest((report.parent / "best.pt").read_bytes())
        if named != found:
            yield f"{report.relative_to(folder)} names other weights than lie beside it"


def _results(folder: Path) -> Iterator[str]:
    """Each result can be read; where not, it is because the table beside it is newer."""
    from benchmark.results import files
    from faceref.errors import FaceRefError

    yield from _runs(folder)
    for path in sorted(folder.glob("suite/results/*/*/*.json")):
        try:
            files.read_in_place(path, folder / "suite" / "results")
        except FaceRefError as error:
            if "valuate again" not in str(error):
                yield str(error)


def _studies(folder: Path) -> Iterator[str]:
    """Each study that is written can be read."""
    from benchmark.studies.study import read

    for path in folder.glob("study/studies/*.json"):
        read(path)
    yield from ()


def _images(folder: Path) -> Iterator[str]:
    """Each image and the report can be read."""
    from PIL import Image

    for path in folder.glob("large/*.png"):
        with Image.open(path) as image:
            image.load()
    if (report := folder / "large" / "report.json").exists():
        json.loads(report.read_text(encoding="utf-8"))
    yield from ()


JOBS = {job.name: job for job in _jobs()}


def prepare(stage: Path) -> None:
    """Make in `stage` all that jobs are given: people, a set, an index, a release, a training."""
    stage.mkdir(parents=True, exist_ok=True)
    sample = ("faceref", "sample", "--out", "people")
    build = ("faceref", "build", "people", "--embedder", "dlib")
    publish = ("faceref", "publish", "set", REPO, "--dry-run", "--licence", "cc-by-4.0")
    train = ("facebench", "train", "set", "--budget", "debug", "--method", "msrnet")
    if not (stage / "people").exists():
        _run(sample, stage)
        _fewer(stage / "people")
    for name, words in {
        "set": (*build, *SPLITS, "--out", "set"),
        "made": (*build, *SPLITS, "--seed", "1", "--references", "3", "--out", "made"),
        "index": (*publish, "--out", "index"),
        "set-release": (*publish, "--tag", "v7", "--out", "set-release"),
        "run": (*train, "--threads", "1", "--out", "run"),
    }.items():
        if not (stage / name).exists():
            _run(words, stage)
    (stage / "ids.txt").write_text("".join(f"{name}\n" for name in GONE), encoding="utf-8")
    _write_crops(stage / "people", stage / "crops")


def _run(words: tuple[str, ...], folder: Path) -> None:
    package, *rest = words
    module = "faceref" if package == "faceref" else "benchmark"
    command = [sys.executable, "-m", module, *rest]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment())
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")


def environment() -> dict[str, str]:
    """That of each command: this checkout, one thread, no network but the loopback."""
    root = str(Path(__file__).resolve().parents[2])
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("FAULTS_")},
        "PYTHONPATH": root,
        "OMP_NUM_THREADS": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def _fewer(people: Path) -> None:
    for folder in sorted(people.iterdir())[PEOPLE:]:
        shutil.rmtree(folder)
    for folder in people.iterdir():
        for path in sorted(folder.iterdir())[IMAGES:]:
            path.unlink()


def _write_crops(people: Path, out: Path) -> None:
    """Small crops to super-resolve."""
    from PIL import Image

    out.mkdir(exist_ok=True)
    for place, path in enumerate(sorted(people.rglob("*.jpg"))[:10]):
        with Image.open(path) as image:
            image.convert("RGB").resize((16, 16), Image.Resampling.BICUBIC).save(
                out / f"{place:02d}.png"
            )


def copy_given(job: Job, stage: Path, folder: Path) -> None:
    """What the job is given, copied to an empty folder."""
    for name in job.given:
        if job.name == "remove" and name == "made":
            shutil.copytree(stage / "set", folder / name)
        elif (stage / name).is_dir():
            shutil.copytree(stage / name, folder / name)
        else:
            shutil.copyfile(stage / name, folder / name)


def digests(folder: Path) -> dict[str, str]:
    """A digest of all that must be equal in each file and folder below `folder`, by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = "" if path.is_dir() or path.name in NOT_READ else _of_file(path)
    return found


def _of_file(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(_without(json.loads(data)), sort_keys=True).encode()
    return _digest(data)


def _without(value: Any) -> Any:
    """JSON without the fields of `NOT_COMPARED`."""
    if isinstance(value, dict):
        return {key: _without(one) for key, one in value.items() if key not in NOT_COMPARED}
    return [_without(one) for one in value] if isinstance(value, list) else value


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
