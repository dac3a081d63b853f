"""Search by faiss, and the people and lists that come of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceref.curation.duplicates import as_hashes, face_hashes
from faceref.curation.identities import find_people
from faceref.dataset.face_ref import FaceRef
from faceref.images import thumbnail
from faceref.mining.lists import Subjects, mine_lists
from faceref.mining.mine import Mining, Reference
from faceref.similarity.inverted import Use, open_ivf
from faceref.similarity.search import Search, SearchRule, load_faiss, open_search
from faceref.similarity.vectors import appearance
from tests.faceref.fakes import PlainEmbedder
from tests.speed.devices.task import Found, Skipped, Task, faults_of, rate
from tests.speed.mining_speed import some, structured

SCORE = 1e-5
"""How far an inner product in float32 may lie from that of another order of summing."""
STEP = 1.01e-4
"""One step of the scores in lists, which are rounded to four decimals."""


def need_faiss(task: Task) -> None:
    """Raise Skipped where faiss has no such device."""
    if task.device == "cuda" and not getattr(load_faiss(), "get_num_gpus", int)():
        raise Skipped("this faiss sees no CUDA device: it is faiss-cpu, or for another CUDA")


def search(task: Task) -> Found:
    """Exact neighbours, and those by inverted lists."""
    need_faiss(task)
    size, dims, probes, count = task.of((2_000, 32, 64, 8), (200_000, 512, 4_096, 64))
    vectors = structured(np.arange(size) // 20, dims)
    queries = vectors[some(probes, size)]
    sides = {name: open_search(vectors, where) for name, where in task.sides.items()}
    found = [side(queries, count) for side in sides.values()]
    numbers, faults = compare_search(vectors, queries, found[0], found[1])
    for name, side in sides.items():
        numbers[f"{name}_probes_per_second"] = _search_rate(side, queries, count, task)
    people = np.arange(size)
    use, rule = Use(5, count, some(probes, size), people), SearchRule("ivf", sample=probes)
    with tempfile.TemporaryDirectory() as folder:
        by_lists, report = open_ivf(vectors, queries, use, rule, Path(folder), task.device)
        by_lists(queries, count)
        numbers["ivf"] = report
        numbers["ivf_probes_per_second"] = _search_rate(by_lists, queries, count, task)
    faults += faults_of(
        (report["recall"] >= rule.recall, f"recall {report['recall']} of inverted lists")
    )
    return Found({"vectors": size, "dims": dims, "count": count, **numbers}, faults)


def compare_search(
    vectors: np.ndarray,
    queries: np.ndarray,
    wanted: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray],
) -> tuple[dict[str, Any], list[str]]:
    """Numbers and faults of neighbours `found`, where `wanted` is exact: scores and rows (B, k).

    Rows of one score may come in another order, so scores are compared place by place, and with
    what the found rows really have, in double precision.
    """
    apart = float(np.abs(wanted[0] - found[0]).max())
    part = slice(0, 256)
    near = vectors[found[1][part]].astype(np.float64)
    real = np.einsum("bkd,bd->bk", near, queries[part])
    wrong = float(np.abs(real - found[0][part]).max())
    numbers = {
        "same_rows": round(float((wanted[1] == found[1]).mean()), 5),
        "most_score_apart": apart,
        "most_score_wrong": wrong,
    }
    return numbers, faults_of(
        (apart <= SCORE, f"scores are {apart:.1e} apart"),
        (wrong <= SCORE, f"rows do not have their scores: {wrong:.1e}"),
    )


def _search_rate(side: Search, queries: np.ndarray, count: int, task: Task) -> float:
    return rate(lambda: side(queries, count), len(queries), task.seconds)


def lists(task: Task) -> Found:
    """People and mined lists."""
    need_faiss(task)
    faces = FaceRef.open(task.face_ref)
    images = np.concatenate([faces.images(split) for split in faces.splits])
    names = ("image_id", "identity")
    ids, labels = (
        [value for split in faces.splits for value in faces.column(split, name)] for name in names
    )
    splits = np.repeat(faces.splits, [faces.count(split) for split in faces.splits])
    vectors = PlainEmbedder().embed(images)
    hashes = as_hashes([face_hashes(image) for image in images])
    small = appearance(np.stack([thumbnail(image) for image in images]))
    numbers: dict[str, Any] = {"faces": len(ids)}
    groups, made = {}, {}
    for name, device in task.sides.items():
        start = time.perf_counter()
        people = find_people(labels, [""] * len(ids), hashes, vectors, device=device)
        subjects = Subjects(np.array(ids), splits, people, vectors, small)
        with tempfile.TemporaryDirectory() as folder:
            made[name] = mine_lists(subjects, Mining(), 0, device, Path(folder)).references
        groups[name] = people.components
        numbers[f"{name}_seconds"] = round(time.perf_counter() - start, 3)
    faults = faults_of((groups["cpu"] == groups["there"], "people are grouped otherwise"))
    for kind, wanted in made["cpu"].items():
        same, others = compare_lists(wanted, made["there"][kind])
        numbers[f"{kind}_same"] = round(same / len(ids), 4)
        faults += faults_of((not others, f"{others} of {len(ids)} lists {kind} are others"))
    return Found(numbers, faults)


def compare_lists(
    wanted: Sequence[list[Reference]], found: Sequence[list[Reference]]
) -> tuple[int, int]:
    """How many lists are the same, and how many are others beyond a step of rounding."""
    pairs = list(zip(wanted, found, strict=True))
    return sum(one == other for one, other in pairs), sum(
        not _alike(one, other) for one, other in pairs
    )


def _alike(one: list[Reference], other: list[Reference]) -> bool:
    """Whether scores are a step apart at most, and who is in one list alone is a tie at its end."""
    if len(one) != len(other):
        return False
    scores = [(a[1], b[1]) for a, b in zip(one, other, strict=True)]
    end = min((min(pair) for pair in scores), default=0.0)
    alone = set(dict(one)) ^ set(dict(other))
    known = dict(one) | dict(other)
    near = all(abs(a - b) <= STEP for a, b in scores)
    return near and all(known[name] <= end + STEP for name in alone)
