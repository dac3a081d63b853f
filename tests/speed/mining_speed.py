"""Speed, memory and exactness of mining against faiss and the filter that a user would write.

    python tests/speed/mining_speed.py identity_CelebA.txt            # all of it: minutes to hours
    python tests/speed/mining_speed.py identity_CelebA.txt --faces 20000 --probes 2000 \
        --ivf-faces 50000 --ivf-probes 300                           # a minute

Vectors are synthetic and structured, as face embeddings are: each is its person's centre plus
noise, each centre its type's plus noise (cosines about 0.6 in a person, 0.3 in a type, 0 else). The
people are those of CelebA's identity file (lines of `name identity`). Three JSON lines are printed:

- `exact`: K references of other people for each probe, by `mine` and by the peer, `faiss.knn` with
  k = K + largest identity in blocks of probes and a loop that drops the probe's person. Each runs
  in a fresh process, in turns; the medians give the ratio. Memory is the process's peak (with
  Python and its libraries) less the vectors. `same_scores` is the share of probes for which both
  found the same scores, rounded to three decimals.
- `brute`: share of probes for which `mine` gives what comparing all pairs in double precision does.
- `ivf`: many vectors by inverted lists; recall is measured on probes that had no part in choosing
  the lists to visit.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from faceref.mining.mine import Candidates, Limits, Near, first_fetch, mine
from faceref.similarity.inverted import Use, open_ivf
from faceref.similarity.search import Search, SearchRule, nearest_within, open_search

SEED = 0
BLOCK = 4096
IMAGES_PER_PERSON = 20
PEOPLE_PER_TYPE = 25


def structured(people: np.ndarray, dims: int) -> np.ndarray:
    """Unit vectors, float32 (N, D), for the codes of people (N,), made block by block."""
    rng = np.random.default_rng(SEED)
    count = int(people.max()) + 1
    types = _unit(rng.normal(size=(-(-count // PEOPLE_PER_TYPE), dims)))
    kind = rng.integers(0, len(types), count)
    centres = _unit(types[kind] + _unit(rng.normal(size=(count, dims))))
    vectors = np.empty((len(people), dims), np.float32)
    for start in range(0, len(people), BLOCK):
        part = people[start : start + BLOCK]
        noise = _unit(rng.standard_normal((len(part), dims), dtype=np.float32))
        vectors[start : start + BLOCK] = _unit(0.6**0.5 * centres[part] + 0.4**0.5 * noise)
    return vectors


def _unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def read_people(path: Path, faces: int) -> np.ndarray:
    """Codes of the people of the first `faces` lines of CelebA's identity file."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    labels = [words[1] for words in lines if len(words) == 2 and words[1].isdigit()]
    return np.unique(np.array(labels[:faces], np.int64), return_inverse=True)[1]


def as_faces(vectors: np.ndarray, people: np.ndarray) -> Candidates:
    """Faces with CelebA's file names."""
    ids = [f"{row:07d}.jpg" for row in range(len(vectors))]
    return Candidates.of(ids, people, vectors, vectors)


def mined(
    faces: Candidates, probes: np.ndarray, count: int, search: Search, near: Near | None = None
) -> list[Any]:
    """Rows and scores of the references of each probe: two arrays (P, K)."""
    found = list(mine(faces.take(probes), faces, count, Limits(), search, near=near))
    rows = [[int(name[:7]) for name, _ in references] for references in found]
    return [np.array(rows), np.array([[score for _, score in one] for one in found])]


def some(count: int, total: int, seed: int = SEED) -> np.ndarray:
    """Rows of `count` of `total` faces, drawn with `seed`; all for 0."""
    if not 0 < count < total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, count, replace=False))


def by_mine(vectors: np.ndarray, people: np.ndarray, probes: np.ndarray, count: int) -> np.ndarray:
    """Scores (P, K) by `mine`, where all are probes as a build mines its pool."""
    faces, near = as_faces(vectors, people), None
    if len(probes) == len(faces):
        near = nearest_within(vectors, first_fetch(faces, count))
    return mined(faces, probes, count, open_search(vectors), near)[1]


def by_peer(vectors: np.ndarray, people: np.ndarray, probes: np.ndarray, count: int) -> np.ndarray:
    """Scores (P, K) by `faiss.knn` and a loop, as a user would write it."""
    import faiss

    fetch = count + int(np.bincount(people).max())
    kept = []
    for start in range(0, len(probes), BLOCK):
        block = probes[start : start + BLOCK]
        scores, rows = faiss.knn(vectors[block], vectors, fetch, metric=faiss.METRIC_INNER_PRODUCT)
        for probe, score, row in zip(block, scores, rows, strict=True):
            other = people[row] != people[probe]
            kept.append((row[other][:count], score[other][:count]))
    return np.array([score for _, score in kept])


SIDES: dict[str, Callable[..., np.ndarray]] = {"mine": by_mine, "faiss.knn": by_peer}


def run_side(folder: Path, side: str, probes: int, count: int) -> None:
    """In a process of its own: time one side on the vectors of `folder`, print seconds and peak."""
    vectors, people = np.load(folder / "vectors.npy"), np.load(folder / "people.npy")
    rows = some(probes, len(vectors))
    SIDES[side](vectors[:1000].copy(), people[:1000], np.arange(10), 4)
    start = time.perf_counter()
    scores = SIDES[side](vectors, people, rows, count)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    np.save(folder / f"{side}.npy", scores)
    print(json.dumps({"seconds": seconds, "beyond": peak - vectors.nbytes}))


def _in_new_process(folder: Path, side: str, given: argparse.Namespace) -> dict[str, float]:
    script = [sys.executable, __file__, str(given.identities), "--side", side]
    options = ["--folder", str(folder), "--probes", str(given.probes), "--count", str(given.count)]
    done = subprocess.run(script + options, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(given: argparse.Namespace) -> dict[str, Any]:
    """Both sides on the same vectors, in turns."""
    people = read_people(given.identities, given.faces)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        np.save(folder / "vectors.npy", structured(people, given.dims))
        np.save(folder / "people.npy", people)
        turns = [
            {side: _in_new_process(folder, side, given) for side in SIDES}
            for _ in range(given.rounds)
        ]
        found = [np.load(folder / f"{side}.npy").round(3) for side in SIDES]
    seconds = {side: statistics.median(turn[side]["seconds"] for turn in turns) for side in SIDES}
    beyond = {side: max(turn[side]["beyond"] for turn in turns) / 2**30 for side in SIDES}
    return {
        "faces": len(people),
        "dims": given.dims,
        "probes": len(found[0]),
        "references": given.count,
        "seconds": {side: round(value, 2) for side, value in seconds.items()},
        "ratio": round(seconds["faiss.knn"] / seconds["mine"], 3),
        "gib_beyond_vectors": {side: round(value, 2) for side, value in beyond.items()},
        "same_scores": _share_alike(*found),
    }


def _share_alike(first: np.ndarray, second: np.ndarray) -> float:
    """Share of rows that are equal but for one step of rounding."""
    return round(float((np.abs(first - second) <= 0.00101).all(axis=1).mean()), 4)


def check_brute(given: argparse.Namespace) -> dict[str, Any]:
    """`mine` beside comparing all pairs in double precision."""
    people = read_people(given.identities, given.faces)
    vectors = structured(people, given.dims)
    rows = some(given.brute_probes, len(people), seed=1)
    found = mined(as_faces(vectors, people), rows, given.count, open_search(vectors))[0]
    equal = 0
    for row, probe in enumerate(rows):
        scores = np.einsum("nd,d->n", vectors, vectors[probe], dtype="f8").round(4)
        scores[people == people[probe]] = -2
        wanted = np.argsort(-scores, kind="stable")[: given.count]
        equal += bool((wanted == found[row]).all())
    return {"faces": len(people), "probes": len(rows), "equal": round(equal / len(rows), 4)}


def measure_ivf(given: argparse.Namespace) -> dict[str, Any]:
    """Recall@5 and seconds of IVF against exact search."""
    people = np.arange(given.ivf_faces) // IMAGES_PER_PERSON
    vectors = structured(people, given.ivf_dims)
    faces = as_faces(vectors, people)
    start = time.perf_counter()
    use = Use(5, first_fetch(faces, 5), people, people)
    rule = SearchRule("ivf", recall=0.96)
    with tempfile.TemporaryDirectory() as scratch:
        search, report = open_ivf(vectors, vectors, use, rule, Path(scratch))
    trained = time.perf_counter()
    sample = some(given.ivf_probes, len(faces), seed=2)
    truth = mined(faces, sample, 5, open_search(vectors))[0]
    searched = time.perf_counter()
    found = mined(faces, sample, 5, search)[0]
    seconds = {"exact": searched - trained, "ivf": time.perf_counter() - searched}
    hits = (found[:, :, None] == truth[:, None, :]).any(1).mean()
    return {
        "faces": len(faces),
        "dims": given.ivf_dims,
        "probes": len(sample),
        "index": report,
        "recall_at_5": round(float(hits), 4),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "seconds_to_train_and_choose": round(trained - start, 2),
    }


MEASURES = {"exact": compare, "brute": check_brute, "ivf": measure_ivf}


def main() -> None:
    """Run and print one JSON line a measure."""
    parser = argparse.ArgumentParser(description="Speed, memory and exactness of mining.")
    parser.add_argument("identities", type=Path, help="CelebA's identity file")
    parser.add_argument("--only", choices=sorted(MEASURES), help="one measure instead of all")
    parser.add_argument("--faces", type=int, default=202_599)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--probes", type=int, default=0, help="0: every face is a probe")
    parser.add_argument("--count", type=int, default=16, help="references of each probe")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--brute-probes", type=int, default=200)
    parser.add_argument("--ivf-faces", type=int, default=1_000_000)
    parser.add_argument("--ivf-dims", type=int, default=128)
    parser.add_argument("--ivf-probes", type=int, default=1000)
    parser.add_argument("--side", choices=sorted(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        return run_side(given.folder, given.side, given.probes, given.count)
    for name in [given.only] if given.only else MEASURES:
        print(json.dumps({"measure": name, **MEASURES[name](given)}), flush=True)


if __name__ == "__main__":
    main()
