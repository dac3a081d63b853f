"""Identity groups on labelled faces with the labels hidden, beside DBSCAN and HDBSCAN.

    python reports/scripts/identity_groups.py FACE_REF --pack PACK [--images 4000] [--out reports]

The people of a Face_Ref are dealt into two halves. Each method's settings are chosen on the people
of one half and scored on those of the other, then the other way round; both scores are averaged.
DBSCAN and HDBSCAN are scikit-learn's, on the same embeddings, with points that they call noise as
groups of one. Settings are chosen by B-cubed F1: in pairwise scores one person with hundreds of
images outweighs everybody else. HDBSCAN's `cluster_selection_epsilon` is not among the settings:
it raises TypeError in scikit-learn 1.9.1 with NumPy 2.4. `--embeddings FILE.npz` (image_id,
identity, embedding) keeps the embeddings between runs.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN

from faceref.curation.links import Neighbours, connect, find_neighbours, pairs_above
from faceref.curation.thresholds import SamePerson, find_same_person, measure, tail_threshold
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS
from faceref.embed.registry import open_embedder
from faceref.files import write_json, write_text
from faceref.markdown import markdown_table
from faceref.pipeline.splits import SplitRule, split_identities

Settings = dict[str, Any]
CAVEAT = (
    "Components: two images are linked if their cosine is above a threshold, and linked images "
    "form a group. The threshold from labels is where a normal curve, fitted to the tail of pairs "
    "of different people, predicts few false links. That from all pairs needs no labels: the curve "
    "is fitted to their body, with more false links. All other settings are chosen on other people "
    "than they are scored on. But the rules of both thresholds were designed while looking at LFW."
)
Grouping = Callable[[np.ndarray, Settings], np.ndarray]
COSINES = [round(cosine, 2) for cosine in np.arange(0.40, 0.76, 0.02)]


@dataclass(frozen=True, eq=False)
class People:
    """L2-normalised embeddings (N, D) and true labels, int (N,)."""

    embeddings: np.ndarray
    labels: np.ndarray

    def where(self, kept: np.ndarray) -> People:
        """Those for which the boolean `kept` is true."""
        return People(self.embeddings[kept], self.labels[kept])


def scores(found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Pairwise and B-cubed precision, recall and F1 of groups (N,) against labels (N,)."""
    cells, counts = np.unique(np.stack([found, true]), axis=1, return_counts=True)
    groups, people = np.bincount(cells[0], counts), np.bincount(cells[1], counts)
    pairs = (counts * (counts - 1)).sum()
    cubed = [
        (counts**2 / sizes).sum() / len(true) for sizes in (groups[cells[0]], people[cells[1]])
    ]
    pairwise = [
        pairs / max(1, (sizes * (sizes - 1)).sum()) if pairs else 0.0 for sizes in (groups, people)
    ]
    result = {}
    for name, (precision, recall) in (("pairwise", pairwise), ("bcubed", cubed)):
        result[f"{name}_precision"], result[f"{name}_recall"] = precision, recall
        result[f"{name}_f1"] = 2 * precision * recall / max(1e-12, precision + recall)
    result["groups"], result["largest"] = len(groups), int(groups.max())
    return {key: round(float(value), 4) for key, value in result.items()}


def components(
    embeddings: np.ndarray, settings: Settings, neighbours: Neighbours | None = None
) -> np.ndarray:
    """Ours, at a given cosine; None ties nobody. Known `neighbours` are not searched for again."""
    pairs = pairs_above(neighbours or find_neighbours(embeddings), settings["cosine"])
    return connect(len(embeddings), pairs.left, pairs.right)


def dbscan(embeddings: np.ndarray, settings: Settings) -> np.ndarray:
    """scikit-learn's DBSCAN; on unit vectors the Euclidean distance orders as the cosine does."""
    radius = float(np.sqrt(2 - 2 * settings["cosine"]))
    return alone(DBSCAN(eps=radius, min_samples=settings["min_samples"]).fit_predict(embeddings))


def hdbscan(embeddings: np.ndarray, settings: Settings) -> np.ndarray:
    """scikit-learn's HDBSCAN."""
    return alone(HDBSCAN(**{"copy": True, **settings}).fit_predict(embeddings))


def alone(labels: np.ndarray) -> np.ndarray:
    """Noise, -1, as groups of one."""
    noise = labels < 0
    result = labels.astype(np.int64)
    result[noise] = labels.max() + 1 + np.arange(noise.sum())
    return result


def grid(**choices: Sequence[Any]) -> list[Settings]:
    """Every combination."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


METHODS: dict[str, tuple[Grouping, list[Settings]]] = {
    "components, best cosine": (components, grid(cosine=COSINES)),
    "DBSCAN": (dbscan, grid(cosine=COSINES, min_samples=[1, 2, 3, 5])),
    "HDBSCAN": (
        hdbscan,
        grid(
            min_cluster_size=[2, 3, 5],
            min_samples=[1, 2, 3],
            cluster_selection_method=["eom", "leaf"],
        ),
    ),
}


def from_labels(train: People, test: People) -> Settings:
    """Our threshold from the labelled pairs of `train`, for as many images as `test` has."""
    names = train.labels.astype(str).tolist()
    counts = measure(train.embeddings, names, np.zeros(1), 0).different
    return {"cosine": tail_threshold(counts, len(test.embeddings))}


def from_all_pairs(train: People, test: People) -> Settings:
    """Our threshold without any label, from `test` alone."""
    return {"cosine": guessed(test).value}


def guessed(people: People) -> SamePerson:
    """Our threshold without any label."""
    unknown = [None] * len(people.labels)
    counts = measure(people.embeddings, unknown, np.zeros(len(unknown)), 0)
    return find_same_person(counts, len(unknown))


def choose(method: str, train: People) -> Settings:
    """The best settings of a method's grid on `train`."""
    grouping, choices = METHODS[method]
    found = [scores(grouping(train.embeddings, item), train.labels) for item in choices]
    return choices[int(np.argmax([score["bcubed_f1"] for score in found]))]


def trials(train: People, test: People) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each method's settings from `train` and scores on `test`."""
    calibrated = {
        "components, threshold from labels": from_labels,
        "components, threshold from all pairs": from_all_pairs,
    }
    for name in (*calibrated, *METHODS):
        start = time.perf_counter()
        if name in calibrated:
            settings, grouping = calibrated[name](train, test), components
        else:
            settings, grouping = choose(name, train), METHODS[name][0]
        chosen = time.perf_counter()
        found = grouping(test.embeddings, settings)
        seconds = time.perf_counter() - chosen
        print(f"{name}: chosen in {chosen - start:.0f} s, applied in {seconds:.1f} s", flush=True)
        yield name, {"settings": settings, **scores(found, test.labels)}


def whole(people: People) -> dict[str, Any]:
    """Our groups of all images, by either threshold, and what the calibration says."""
    neighbours = find_neighbours(people.embeddings)
    names = people.labels.astype(str).tolist()
    report = {}
    for title, identities in (("labels", names), ("all pairs", [None] * len(names))):
        counts = measure(people.embeddings, identities, neighbours.nearest(), 0)
        same = find_same_person(counts, len(names))
        found = components(people.embeddings, {"cosine": same.value}, neighbours)
        report[title] = {**same.manifest(), **scores(found, people.labels)}
    return report


SMALL = ((24, 4), (50, 8), (300, 2))
"""People, and images of each, in sets of few people."""


def small_sets(people: People) -> list[dict[str, Any]]:
    """Sets drawn from all images, without labels: how many people end up in two splits."""
    rng, report = np.random.default_rng(0), []
    sizes = np.bincount(people.labels)
    for count, each in SMALL:
        drawn = rng.choice(np.flatnonzero(sizes >= each), count, replace=False)
        rows = [rng.choice(np.flatnonzero(people.labels == one), each, False) for one in drawn]
        part = People(people.embeddings[np.concatenate(rows)], np.repeat(np.arange(count), each))
        same = guessed(part)
        groups = components(part.embeddings, {"cosine": same.value})
        names = [f"group-{group}" for group in groups]
        split = split_identities(names, SplitRule())
        seen = {(true, split[name]) for true, name in zip(part.labels.tolist(), names, strict=True)}
        apart = sum(splits > 1 for splits in Counter(true for true, _ in seen).values())
        found = {"people": count, "each": each, "cosine": same.value, "in_two_splits": apart}
        report.append({**found, **scores(groups, part.labels)})
    return report


def load(given: argparse.Namespace) -> People:
    """Embeddings of a Face_Ref, from the file where it is there."""
    if given.embeddings and given.embeddings.exists():
        stored = np.load(given.embeddings)
        names, vectors = stored["identity"], stored["embedding"]
    else:
        face_ref = FaceRef.open(given.face_ref)
        embedder = open_embedder("insightface", pack=str(given.pack), det_size=320)
        faces = {split: face_ref.images(split) for split in SPLITS}
        vectors = np.concatenate(
            [
                embedder.embed(faces[split][row : row + 32])
                for split in SPLITS
                for row in range(0, len(faces[split]), 32)
            ]
        )
        names = np.array([name for split in SPLITS for name in face_ref.column(split, "identity")])
        if given.embeddings:
            np.savez(given.embeddings, identity=names, embedding=vectors)
    labels = np.unique(names, return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(labels.max() + 1)[labels]
    kept = np.argsort(order, kind="stable")[: given.images]
    return People(vectors[kept], order[kept])


def table(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    head = ["method", "settings (either half)", "pairwise P", "R", "F1", "B-cubed P", "R", "F1"]
    rows = []
    keys = [
        f"{kind}_{name}"
        for kind in ("pairwise", "bcubed")
        for name in ("precision", "recall", "f1")
    ]
    for name, halves in report["held_out"].items():
        means = [f"{np.mean([half[key] for half in halves]):.4f}" for key in keys]
        chosen = "; ".join(
            ", ".join(f"{key} {value}" for key, value in half["settings"].items())
            for half in halves
        )
        rows.append([name, chosen, *means])
    lines = markdown_table(head, rows, "llrrrrrr")
    lines += ["", "All images at once, labels hidden from the grouping:", ""]
    rows = []
    for name, found in report["whole"].items():
        values = [f"{found[key]:.4f}" for key in keys]
        rows.append([name, str(found["value"]), *values, f"{found['groups']:.0f}"])
    lines += markdown_table(["threshold from", "cosine", *head[2:], "groups"], rows)
    lines += ["", "Sets of few people, without labels, by the threshold from all pairs:", ""]
    columns = ["people", "images of each", "cosine", "people in two splits", *head[2:], "groups"]
    rows = [
        [
            *(str(one[key]) for key in ("people", "each", "cosine", "in_two_splits")),
            *(f"{one[key]:.4f}" for key in keys),
            f"{one['groups']:.0f}",
        ]
        for one in report["small_sets"]
    ]
    lines += markdown_table(columns, rows)
    return "\n".join(lines)


def main() -> None:
    """Run and write `identity_groups.json` and `identity_groups.md`."""
    parser = argparse.ArgumentParser(description="Identity groups with labels hidden.")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--pack", type=Path, help="insightface pack of the embeddings")
    parser.add_argument("--embeddings", type=Path, help="npz to read, or to write where missing")
    parser.add_argument("--images", type=int, default=None, help="at most so many images")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    people = load(given)
    first = people.labels % 2 == 0
    halves = (people.where(first), people.where(~first))
    held_out: dict[str, list[dict[str, Any]]] = {}
    for train, test in (halves, halves[::-1]):
        for name, found in trials(train, test):
            held_out.setdefault(name, []).append(found)
    report = {
        "images": len(people.labels),
        "people": len(np.unique(people.labels)),
        "held_out": held_out,
        "whole": whole(people),
        "small_sets": small_sets(people),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    write_json(given.out / "identity_groups.json", report)
    title = f"# Identity groups\n\n{report['images']:,} images of {report['people']:,} people.\n\n"
    command = f"Made by `reports/scripts/identity_groups.py`, which says how. {CAVEAT}\n\n"
    write_text(given.out / "identity_groups.md", title + command + table(report) + "\n")


if __name__ == "__main__":
    main()
