"""What bf16 does to detections, embeddings and the verification of people.

    python tests/speed/bf16_parity.py FACES --pack PACK [--pairs 1000]

Draws pairs of images of one person, and as many of two, from a folder with one sub-folder a person.
Each image is detected, aligned and embedded in float32 and in bf16. One JSON line is printed: the
cosine of both embeddings, of the same aligned face (`embedder`) and with the faces that each
detector found (`both`); and the share of the pairs that one threshold, the best for each, gets
right.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from faceref.embed.base import Embedder
from faceref.embed.registry import open_embedder
from faceref.hardware import usable_cores
from faceref.pipeline import stages
from faceref.record import Record
from faceref.sources.folder import folder

Pairs = list[tuple[int, int]]


def draw(records: tuple[Record, ...], count: int) -> tuple[Pairs, Pairs]:
    """Places of `count` pairs of one person, and of two."""
    drawn, by_person = np.random.default_rng(0), {}
    for place, record in enumerate(records):
        by_person.setdefault(record.identity, []).append(place)
    several = [places for places in by_person.values() if len(places) > 1]
    same, other = [], []
    for _ in range(count):
        one = several[drawn.integers(len(several))]
        same.append(tuple(drawn.choice(one, 2, replace=False).tolist()))
        people = drawn.choice(len(several), 2, replace=False)
        other.append(tuple(int(drawn.choice(several[person])) for person in people))
    return same, other


def placed(embedder: Embedder, record: Record) -> np.ndarray | None:
    """The aligned face of an image; None where none is found."""
    return stages.run([stages.read, stages.find_face(embedder)], [record])[0].face


def accuracy(vectors: dict[int, np.ndarray], same: Pairs, other: Pairs) -> float:
    """Share of the pairs that the best threshold gets right."""
    one, two = (
        np.array([vectors[a] @ vectors[b] for a, b in pairs if a in vectors and b in vectors])
        for pairs in (same, other)
    )
    return max(
        float((one >= limit).sum() + (two < limit).sum()) / (len(one) + len(two)) for limit in one
    )


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("faces", type=Path, help="folder with one sub-folder per person")
    parser.add_argument("--pack", required=True, help="insightface model pack")
    parser.add_argument("--pairs", type=int, default=1000)
    given = parser.parse_args()
    records = folder(given.faces).records
    same, other = draw(records, given.pairs)
    wanted = sorted({place for pair in same + other for place in pair})
    opened = {
        name: open_embedder("insightface", pack=given.pack, precision=name)
        for name in ("fp32", "bf16")
    }

    def both(place: int) -> dict[str, np.ndarray | None]:
        return {name: placed(embedder, records[place]) for name, embedder in opened.items()}

    with ThreadPoolExecutor(usable_cores()) as pool:
        found = dict(zip(wanted, pool.map(both, wanted), strict=True))
    seen = {
        place: faces
        for place, faces in found.items()
        if all(face is not None for face in faces.values())
    }
    stacked = {name: np.array([faces[name] for faces in seen.values()]) for name in opened}
    vectors = {name: opened[name].embed(faces) for name, faces in stacked.items()}
    alone = (vectors["fp32"] * opened["bf16"].embed(stacked["fp32"])).sum(1)
    whole = (vectors["fp32"] * vectors["bf16"]).sum(1)
    report = {
        "images": len(wanted),
        "found": {n: sum(f[n] is not None for f in found.values()) for n in opened},
        "embedder": {"mean": round(float(alone.mean()), 5), "least": round(float(alone.min()), 5)},
        "both": {"mean": round(float(whole.mean()), 5), "least": round(float(whole.min()), 5)},
        "accuracy": {
            name: round(accuracy(dict(zip(seen, each, strict=True)), same, other), 4)
            for name, each in vectors.items()
        },
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
