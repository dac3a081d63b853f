"""A build of a folder of CelebA's size, killed at its half: seconds, and peak memory.

    python tests/speed/celeba_build.py LFW --landmarks CSV --identities identity_CelebA.txt \\
        --pack PACK --scratch SCRATCH [--images 202599]

CelebA is not at hand everywhere, so its folder is made: 178x218 JPEGs under CelebA's names, its own
list of who is on which image, and lists of landmarks and of the partition that belong to them. An
image is one of LFW's, turned, scaled, moved and of another tone, by its own seed. A person of
CelebA is one of LFW; at most two share one, made narrower for the first and wider for the second.
The folder takes minutes and 3 GB, and is made once.

`faceref build SCRATCH/celeba --source celeba` then runs in a process of its own, which is killed
with signal 9 when half of the images are done, and begun again. A JSON line for each of the two
runs, with the peak of anonymous memory (`RssAnon`, sampled) and of all that was resident, mapped
files included (`VmHWM`); then one with both together and what was built.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceref.files import replacing
from faceref.pipeline.local_executor import CHUNK

WIDTH, HEIGHT = 178, 218
POINTS = np.array(
    [(69.5, 111.5), (107.5, 111.5), (88.0, 131.5), (71.5, 152.5), (105.5, 152.5)], np.float32
)
"""About where CelebA's aligned crops have eyes, nose and mouth."""
MIRRORED = [1, 0, 2, 4, 3]
NARROW, WIDE = 0.86, 1.16
TRAIN, VAL = 162_770, 19_867
"""Images of CelebA's own partition."""
WATCH_SECONDS = 0.25


@dataclass(frozen=True)
class Shot:
    """One image of the folder to make."""

    name: str
    person: str
    """Their number in CelebA."""
    path: Path
    points: np.ndarray
    """Landmarks in the image at `path`, (5, 2)."""
    width: float
    """Of the face, relative to the image at `path`."""
    seed: int


def shots(lfw: Path, landmarks: Path, identities: Path) -> Iterator[Shot]:
    """The images to make, in the order of CelebA's list."""
    people: dict[str, list[tuple[Path, np.ndarray]]] = {}
    with landmarks.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            points = np.array([float(row[f"{axis}{n}"]) for n in range(5) for axis in "xy"])
            path = lfw / row["path"]
            people.setdefault(path.parent.name, []).append((path, points.reshape(5, 2)))
    names = sorted(people)
    rows = re.findall(r"(\d{6}\.jpg)\s+(\d+)", identities.read_text(encoding="utf-8"))
    for seed, (name, person) in enumerate(rows):
        turn, place = divmod(int(person) - 1, len(names))
        chosen = people[names[place]]
        path, points = chosen[seed % len(chosen)]
        yield Shot(name, person, path, points, (NARROW, WIDE)[turn % 2], seed)


def make_image(folder: Path, shot: Shot) -> str:
    """Write one image and return its line of landmarks."""
    rng = np.random.default_rng(shot.seed)
    image = cv2.imread(str(shot.path))
    if image is None:
        raise OSError(f"{shot.path} cannot be read.")
    move, _ = cv2.estimateAffinePartial2D(shot.points.astype(np.float32), POINTS)
    middle = POINTS.mean(0).tolist()
    turn = cv2.getRotationMatrix2D(middle, rng.normal(0, 6), rng.uniform(0.85, 1.1))
    turn[:, 2] += rng.normal(0, 4, 2)
    stretch = np.diag([shot.width, 1, 1])
    stretch[0, 2] = (1 - shot.width) * middle[0]
    if mirrored := bool(rng.random() < 0.5):
        stretch = np.array([[-1, 0, WIDTH - 1], [0, 1, 0], [0, 0, 1]]) @ stretch
    whole = stretch[:2] @ np.vstack([turn, (0, 0, 1)]) @ np.vstack([move, (0, 0, 1)])
    face = cv2.warpAffine(image, whole, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101)
    points = shot.points @ whole[:, :2].T + whole[:, 2]
    tones = np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.7, 1.4) * rng.uniform(0.85, 1.1, 3)
    table = np.clip(255 * tones, 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
    if not cv2.imwrite(str(folder / shot.name), cv2.LUT(face, table[None]), quality):
        raise OSError(f"{folder / shot.name} cannot be written.")
    order = points[MIRRORED] if mirrored else points
    return " ".join([shot.name, *(str(round(value)) for value in order.ravel().tolist())])


def make_folder(root: Path, wanted: Sequence[Shot]) -> None:
    """The folder as CelebA's authors hand it out; the list of landmarks is written last."""
    last = root / "list_landmarks_align_celeba.txt"
    if last.exists():
        made = last.read_text(encoding="utf-8").partition("\n")[0]
        if made != str(len(wanted)):
            raise SystemExit(
                f"{root} has {made} images, not {len(wanted)}: give another --scratch."
            )
        return
    images = root / "img_align_celeba"
    images.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        lines = list(pool.map(partial(make_image, images), wanted, chunksize=500))
    people = (f"{shot.name} {shot.person}" for shot in wanted)
    parts = (f"{shot.name} {(n >= TRAIN) + (n >= TRAIN + VAL)}" for n, shot in enumerate(wanted))
    (root / "identity_CelebA.txt").write_text("\n".join([*people, ""]), encoding="utf-8")
    (root / "list_eval_partition.txt").write_text("\n".join([*parts, ""]), encoding="utf-8")
    header = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y " + " ".join(
        f"{side}mouth_{axis}" for side in ("left", "right") for axis in "xy"
    )
    with replacing(last) as temporary:
        temporary.write_text("\n".join([str(len(lines)), header, *lines, ""]), encoding="utf-8")


def run(command: Sequence[str], log: Path, over: Callable[[], bool]) -> dict[str, Any]:
    """Run a command until its end, or until `over`, when it is killed; seconds, memory in GiB."""
    start, kinds = time.perf_counter(), ("RssAnon", "VmHWM")
    peak = dict.fromkeys(kinds, 0.0)
    with log.open("a", encoding="utf-8") as file:
        process = subprocess.Popen(command, stderr=file, stdout=file)
        while process.poll() is None:
            with suppress(FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
                for name, found in re.findall(r"(RssAnon|VmHWM):\s+(\d+) kB", status):
                    peak[name] = max(peak[name], int(found) / 2**20)
            if over():
                process.send_signal(signal.SIGKILL)
                process.wait()
            time.sleep(WATCH_SECONDS)
    return {
        "ended": process.returncode,
        "seconds": round(time.perf_counter() - start, 1),
        "anonymous_gib": round(peak["RssAnon"], 2),
        "vmhwm_gib": round(peak["VmHWM"], 2),
    }


def build_twice(root: Path, out: Path, pack: Path, images: int) -> list[dict[str, Any]]:
    """Build `out` from `root`, killed at the half, then to the end; what each of the two took."""
    parts = out.with_name(f"{out.name}.building") / "parts"
    if out.exists() or parts.exists():
        raise SystemExit(f"{out.parent} has a set already: delete it, or give another --scratch.")
    command = [sys.executable, "-m", "faceref", "build", str(root), "--source", "celeba"]
    command += ["--no-checksums", "--partial", "--pack", str(pack), "--out", str(out)]
    log = out.with_name("build.log")

    def done() -> int:
        return CHUNK * len(list(parts.glob("*.parquet")))

    first = run(command, log, lambda: 2 * done() >= images)
    first["images"] = done()
    second = run(command, log, lambda: False)
    second["images"] = images - first["images"]
    if [first["ended"], second["ended"]] != [-signal.SIGKILL, 0]:
        raise SystemExit(f"It was not killed at the half, or did not end well: see {log}")
    return [first, second]


def main() -> None:
    """Run and print JSON lines."""
    parser = argparse.ArgumentParser(description="A build of CelebA's size.")
    parser.add_argument("lfw", type=Path, help="LFW, one sub-folder per person")
    parser.add_argument("--landmarks", type=Path, required=True, help="CSV: path, x0, y0, ... y4")
    parser.add_argument("--identities", type=Path, required=True, help="identity_CelebA.txt")
    parser.add_argument("--pack", type=Path, required=True, help="insightface model pack")
    parser.add_argument("--scratch", type=Path, required=True, help="folder for images and the set")
    parser.add_argument("--images", type=int, default=202_599)
    given = parser.parse_args()
    start = time.perf_counter()
    wanted = list(shots(given.lfw, given.landmarks, given.identities))[: given.images]
    root, out = given.scratch / "celeba", given.scratch / "face_ref"
    make_folder(root, wanted)
    print(json.dumps({"made": len(wanted), "seconds": round(time.perf_counter() - start, 1)}))
    runs = build_twice(root, out, given.pack, len(wanted))
    for one in runs:
        print(json.dumps(one), flush=True)
    manifest = json.loads((out / "face_ref.json").read_text(encoding="utf-8"))
    seconds = sum(one["seconds"] for one in runs)
    whole = {
        "images": len(wanted),
        "seconds": round(seconds, 1),
        "images_per_second": round(len(wanted) / seconds, 1),
        "anonymous_gib": max(one["anonymous_gib"] for one in runs),
        "counts": manifest["counts"],
    }
    print(json.dumps(whole))


if __name__ == "__main__":
    main()
