"""What bf16 or int8 does to detections, embeddings and the verification of people.

    python tests/speed/precision_parity.py FACES --pack PACK [--pairs 1000] [--precision int8]

Draws pairs of images of one person, and as many of two, from a folder with one sub-folder a person.
Each image is detected, aligned and embedded in float32 and in the other precision. One JSON line is
printed: the cosine of both embeddings, of the same aligned face (`embedder`) and with the faces
that each detector found (`both`); the share of the pairs that one threshold, the best for each,
gets right; and how many times as fast the other precision detects and embeds, one thread, in turns.

`int8` is made by onnxruntime's static quantisation, a scale for each channel of the weights,
calibrated on `CALIBRATED` other images.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from faceref.embed.base import Embedder
from faceref.embed.registry import open_embedder
from faceref.hardware import usable_cores
from faceref.pipeline import stages
from faceref.record import Record
from faceref.sources.folder import folder

CALIBRATED = 100
ROUNDS = 5
TIMED = 64
Pairs = list[tuple[int, int]]


class Watched:
    """An onnxruntime session that keeps what it was given."""

    def __init__(self, session: Any) -> None:
        self.session, self.fed = session, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, names: Sequence[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """As the session."""
        self.fed.append(feed)
        return self.session.run(names, feed)


def as_int8(pack: Path, records: Sequence[Record], out: Path) -> None:
    """Both networks of a pack in int8, calibrated on some images, in the folder `out`."""
    import onnx
    from onnx.version_converter import convert_version
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Fed(CalibrationDataReader):
        """What a network was given."""

        def __init__(self, fed: list[dict[str, np.ndarray]]) -> None:
            self.left = iter(fed)

        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore
            """The next input."""
            return next(self.left, None)

    embedder: Any = open_embedder("insightface", pack=str(pack))
    embedder._detector.static_shape_sessions = False  # insightface would open others for a size.
    models = embedder._detector, embedder._recogniser
    for model in models:
        model.session = Watched(model.session)
    faces = [face for record in records if (face := placed(embedder, record)) is not None]
    for face in faces:
        embedder.embed(face[None])
    for model in models:
        path = Path(model.model_file)
        newer = convert_version(onnx.load(path), 13)  # Before, a scale is of all channels.
        quantize_static(newer, out / path.name, Fed(model.session.fed), per_channel=True)


def faster(
    opened: dict[str, Embedder], records: Sequence[Record], faces: np.ndarray
) -> dict[str, float]:
    """Times float32 takes over the other precision's, of detecting and of embedding, in turns.

    `faces` are the aligned faces of the `records`.
    """
    read = (stages.run([stages.read], [record])[0].pixels for record in records)
    images = [pixels for pixels in read if pixels is not None]
    spent: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name, embedder in opened.items():
            for what in ("detect", "embed"):
                start = time.perf_counter()
                if what == "detect":
                    for image in images:
                        embedder.detect(image)
                else:
                    embedder.embed(faces)
                spent.setdefault((name, what), []).append(time.perf_counter() - start)
    best = {key: min(found) for key, found in spent.items()}
    (other,) = set(opened) - {"fp32"}
    return {w: round(best["fp32", w] / best[other, w], 2) for w in ("detect", "embed")}


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
    with tempfile.TemporaryDirectory() as folder_of_int8:
        compare(Path(folder_of_int8))


def compare(made: Path) -> None:
    """Parse and run; `made` is an empty folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("faces", type=Path, help="folder with one sub-folder per person")
    parser.add_argument("--pack", required=True, help="insightface model pack")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--precision", choices=("bf16", "int8"), default="bf16")
    given = parser.parse_args()
    records = folder(given.faces).records
    same, other = draw(records, given.pairs)
    wanted = sorted({place for pair in same + other for place in pair})
    drawn = set(wanted)
    others = [record for place, record in enumerate(records) if place not in drawn]
    chosen = others[:: len(others) // CALIBRATED][:CALIBRATED]
    opened: dict[str, Embedder] = {"fp32": open_embedder("insightface", pack=given.pack)}
    if given.precision == "int8":
        as_int8(Path(given.pack), chosen, made)
        opened["int8"] = open_embedder("insightface", pack=str(made))
    else:
        opened["bf16"] = open_embedder("insightface", pack=given.pack, precision="bf16")

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
    alone = (vectors["fp32"] * opened[given.precision].embed(stacked["fp32"])).sum(1)
    whole = (vectors["fp32"] * vectors[given.precision]).sum(1)
    report = {
        "images": len(wanted),
        "found": {n: sum(f[n] is not None for f in found.values()) for n in opened},
        "embedder": {"mean": round(float(alone.mean()), 5), "least": round(float(alone.min()), 5)},
        "both": {"mean": round(float(whole.mean()), 5), "least": round(float(whole.min()), 5)},
        "accuracy": {
            name: round(accuracy(dict(zip(seen, each, strict=True)), same, other), 4)
            for name, each in vectors.items()
        },
        "times as fast": faster(
            opened, [records[place] for place in list(seen)[:TIMED]], stacked["fp32"][:TIMED]
        ),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
