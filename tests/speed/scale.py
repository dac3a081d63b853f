"""Mining past one machine's memory: recall, resident memory and time on synthetic faces in files.

    python tests/speed/scale.py SCRATCH --faces 500000            # minutes
    python tests/speed/scale.py SCRATCH --faces 5000000           # an hour or two; 12 GB of disk
    python tests/speed/scale.py SCRATCH --faces 500000 --ray 2    # by two actors of Ray

Vectors are made block by block, each from its own seed, and lie in SCRATCH. Look-alikes are
planted: a kind has a hundred types, a type ten people, a person ten images; cosines are about 0.65
in a person, 0.45 between people of a type, 0.2 between types of a kind, and of chance elsewhere
(0.09 at 128 numbers). With `--kinds 0` there are no kinds, only types strewn at random: then far
more lists must be visited. Of the people 85 % are train. Mining is `mine_in_shards`, which a build
takes above 500,000 faces of train; it is called whatever the size. Killed, the same command goes
on: shards are done or absent.

Three JSON lines: of the making; of the mining, with the peak of anonymous memory (`RssAnon`,
sampled), of all that was resident, mapped files included (`VmHWM`), and what the files take; and
recall@5 against exact search, for probes that had no part in choosing how many lists are visited,
with the share of references that are planted. Seconds are of this run: what a killed one had done
is not in them.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from faceref.files import replacing
from faceref.mining.mine import Candidates, Limits, Mining, mine
from faceref.mining.shards import MineShards, Task, mine_here, mine_in_shards
from faceref.pipeline.ray_executor import RayExecutor
from faceref.pipeline.recipe import Recipe
from faceref.similarity.search import SearchRule, load_faiss, open_search
from tests.faceref.fakes import PlainEmbedder

SEED = 0
DIMS = 128
IMAGES, PEOPLE, TYPES = 10, 10, 100
"""Images a person, people a type, types a kind; a kind is a block."""
BLOCK = IMAGES * PEOPLE * TYPES
SAME, ALIKE, KIND = 0.65, 0.45, 0.2
"""Cosines in a person, a type and a kind."""
UPPER = 0.6
"""Bound on the cosine of references: about the 25 % quantile in a person, as a build has it."""
WATCH_SECONDS = 0.1


def block_of(number: int, kind: float) -> np.ndarray:
    """Unit vectors of one block, float32 (BLOCK, DIMS), by person, by type."""
    rng = np.random.default_rng([SEED, number])
    shares = ((1, kind), (TYPES, ALIKE - kind), (TYPES * PEOPLE, SAME - ALIKE), (BLOCK, 1 - SAME))
    parts = []
    for count, share in shares:
        noise = rng.standard_normal((count, DIMS), dtype=np.float32)
        noise *= share**0.5 / np.linalg.norm(noise, axis=1, keepdims=True)
        parts.append(np.repeat(noise, BLOCK // count, axis=0))
    vectors = np.sum(parts, axis=0)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def vectors_of(folder: Path, faces: int, kind: float) -> np.ndarray:
    """The vectors of all faces, mapped from a file that is made once."""
    path = folder / f"vectors-{faces}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        head = {"descr": "<f4", "fortran_order": False, "shape": (faces, DIMS)}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, head)
            for number in range(-(-faces // BLOCK)):
                block_of(number, kind)[: faces - number * BLOCK].tofile(file)
    return np.load(path, mmap_mode="r")


def faces_of(vectors: np.ndarray) -> tuple[Candidates, np.ndarray]:
    """The faces, and the rows of train: 85 % of the people."""
    rows = np.arange(len(vectors))
    ids, people = np.char.zfill(rows.astype("U8"), 8), rows // IMAGES
    in_train = np.random.default_rng(SEED).random(int(people[-1]) + 1) < 0.85
    faces = Candidates(ids, rows, people, rows, vectors, vectors)
    return faces, np.flatnonzero(in_train[people])


def status_of(name: str) -> float:
    """An entry of `/proc/self/status`, GiB."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(rf"{name}:\s+(\d+) kB", text)[0]) / 2**20


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Memory of this process while the block runs, GiB."""
    peak, done = {"anonymous_gib": 0.0, "before_gib": status_of("RssAnon")}, threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_SECONDS):
            peak["anonymous_gib"] = max(peak["anonymous_gib"], status_of("RssAnon"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak["vmhwm_gib"] = status_of("VmHWM")
        for name, value in peak.items():
            peak[name] = round(value, 2)


def logged(mine_shards: MineShards) -> MineShards:
    """The same, with a line on stderr for each shard."""

    def mining(folder: Path, shards: Sequence[int]) -> Iterable[int]:
        start = time.perf_counter()
        for done, shard in enumerate(mine_shards(folder, shards), 1):
            seconds = time.perf_counter() - start
            print(f"{done} of {len(shards)}: {seconds:.0f} s", file=sys.stderr, flush=True)
            yield shard

    return mining


def measure(folder: Path, faces: Candidates, train: np.ndarray, ray: int) -> Iterator[dict]:
    """Mine, then compare with exact search."""
    load_faiss()
    mining = Mining(index=SearchRule("ivf", seed=SEED))
    by = RayExecutor(PlainEmbedder, Recipe(), workers=ray).mine_shards if ray else mine_here
    lists = folder / f"lists-{len(faces)}"
    start, cpu = time.perf_counter(), time.process_time()
    with watched() as memory:
        found, report = mine_in_shards(
            lists, faces, faces, train, mining, Limits(UPPER), mine_shards=logged(by)
        )
    files = sum(path.stat().st_size for path in lists.rglob("*") if path.is_file())
    yield {
        "faces": len(faces),
        "pool": len(train),
        "index": report,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        **memory,
        "files_gib": round(files / 2**30, 2),
    }
    sample = np.sort(np.random.default_rng(SEED + 1).choice(len(faces), 1000, replace=False))
    (task,) = lists.iterdir()
    pool = Task.open(task).pool
    start = time.perf_counter()
    exact = mine(faces, pool, 8, Limits(UPPER), open_search(pool.vectors), rows=sample)
    seconds = time.perf_counter() - start
    wanted, rows = exact.rows[:, :5], found.rows[sample][:, :5]
    kinds = pool.people[found.rows[sample]] // PEOPLE == (faces.people[sample] // PEOPLE)[:, None]
    yield {
        "probes": len(sample),
        "recall_at_5": round(float((rows[:, :, None] == wanted[:, None]).any(1).mean()), 4),
        "planted": round(float(kinds.mean()), 4),
        "full_lists": round(float((found.rows >= 0).all(1).mean()), 6),
        "exact_seconds": round(seconds, 1),
    }


def main() -> None:
    """Run and print one JSON line a measure."""
    parser = argparse.ArgumentParser(description="Mining of more faces than memory holds.")
    parser.add_argument("scratch", type=Path, help="folder for vectors and lists")
    parser.add_argument("--faces", type=int, default=500_000)
    parser.add_argument("--kinds", type=float, default=KIND, help="cosine in a kind")
    parser.add_argument("--ray", type=int, default=0, help="actors of Ray; 0: this process alone")
    given = parser.parse_args()
    start = time.perf_counter()
    vectors = vectors_of(given.scratch, given.faces, given.kinds)
    made: dict[str, Any] = {"seconds": round(time.perf_counter() - start, 1)}
    print(json.dumps({"measure": "make", **made, "gib": round(vectors.nbytes / 2**30, 2)}))
    faces, train = faces_of(vectors)
    for name, found in zip(
        ("mine", "check"), measure(given.scratch, faces, train, given.ray), strict=True
    ):
        print(json.dumps({"measure": name, **found}), flush=True)


if __name__ == "__main__":
    main()
