"""Is a pool worth less because the network was trained on its faces?

    python reports/scripts/unseen_pool.py FACE_REF --weights NET [--weights NET] [--out reports]

FACE_REF is the set that the networks were trained on. A pool of its val faces, which no network was
trained on, is compared with pools of as many train faces, whose people are drawn with seeds. A
network without references gets the error memory of each pool; MSRNet is given the K most alike
faces of each. The gains of every test face go to `--out`/unseen_pool.json; `unseen_pool_page.py`
writes what they say into the page of `transfer.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from benchmark.api.arguments import open_set
from benchmark.data.faces import as_batch, no_references
from benchmark.memory.fit import learn_errors
from benchmark.memory.network import ErrorMemory
from benchmark.methods.model import Model
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import to_uint8
from benchmark.protocol.degradation import degrade_all
from benchmark.training.export import load_model
from faceref.console import progress_bar, say
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.files import write_json
from faceref.similarity.vectors import appearance

NAME = "unseen_pool"
SEEDS = (0, 1)
REFERENCES = 5
TESTED = 400
"""Faces of test, evenly spaced."""
BATCH = 16
SCALE = 8


class AsPool:
    """A set whose `split` is taken for the pool."""

    def __init__(self, faces: FaceRef, split: str) -> None:
        self.faces, self.split = faces, split

    def table(self, _: str, columns: list[str]) -> Any:
        """As of `FaceRef`."""
        return self.faces.table(self.split, columns)

    def stream_faces(self, _: str, rows: Sequence[int]) -> Iterator[tuple[str, np.ndarray]]:
        """As of `FaceRef`."""
        return self.faces.stream_faces(self.split, rows)


def some_people(faces: FaceRef, count: int, seed: int) -> np.ndarray:
    """Rows of `count` train faces, all of each person but the last, in order."""
    table = faces.table("train", ["component", "identity"]).to_pylist()
    names = [row["component"] or row["identity"] for row in table]
    _, person = np.unique(names, return_inverse=True)
    rank = np.random.default_rng(seed).permutation(person.max() + 1)[person]
    return np.sort(np.argsort(rank, kind="stable")[:count])


def read(faces: FaceRef, split: str, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """HR and LR faces of some rows of a split, uint8."""
    ids, images = zip(*faces.stream_faces(split, rows), strict=True)
    hr = np.stack(images)
    return hr, degrade_all(hr, list(ids), "bicubic", SCALE)


def tested(faces: FaceRef) -> tuple[np.ndarray, np.ndarray]:
    """HR and LR faces of test, `TESTED` of them."""
    rows = np.linspace(0, faces.count("test") - 1, TESTED).round().astype(int)
    return read(faces, "test", rows.tolist())


def psnr(made: Tensor, hr: np.ndarray) -> np.ndarray:
    """PSNR-Y of outputs, dB, (N,)."""
    return score_batch(to_uint8(made.numpy()), hr)["psnr_y"]


@torch.no_grad()
def called(model: Model, lr: np.ndarray, refs: Tensor | None = None) -> Tensor:
    """What a network makes of LR faces, given `refs` (N, K, 3, 128, 128), or none."""
    made = []
    with progress_bar(model.method.title, "faces") as update:
        for start in range(0, len(lr), BATCH):
            part = slice(start, start + BATCH)
            small = as_batch(lr[part])
            given = no_references(range(len(small))) if refs is None else refs[part]
            made.append(model.network(small, given).float().clamp(0, 1))
            update(start + len(small), len(lr), "")
    return torch.cat(made)


def gains_of_memory(model: Model, faces: FaceRef, pools: dict[str, np.ndarray]) -> dict[str, Any]:
    """Gain by the error memory of each pool, dB, for the test faces."""
    hr, lr = tested(faces)
    output = called(model, lr)
    plain, found = psnr(output, hr), {}
    for name, rows in pools.items():
        of = cast(FaceRef, AsPool(faces, "val")) if name == "val" else faces
        with progress_bar(name, "faces") as update:
            learnt = learn_errors(model.network, of, rows, scale=SCALE, progress=update)
        memory = ErrorMemory(learnt.weights)
        with torch.no_grad():
            parts = zip(as_batch(lr).split(BATCH), output.split(BATCH), strict=True)
            made = torch.cat([out + memory(small, out) for small, out in parts])
        found[name] = psnr(made, hr) - plain
    return found


def gains_of_references(
    model: Model, faces: FaceRef, pools: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Gain by the most alike faces of each pool, dB, for the test faces."""
    hr, lr = tested(faces)
    plain, found = psnr(called(model, lr), hr), {}
    for name, rows in pools.items():
        pool_hr, pool_lr = read(faces, name.split()[0], rows.tolist())
        alike = appearance(lr) @ appearance(pool_lr).T
        chosen = np.argsort(-alike, 1, kind="stable")[:, :REFERENCES]
        refs = torch.stack([as_batch(pool_hr[one]) for one in chosen])
        found[name] = psnr(called(model, lr, refs), hr) - plain
    return found


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("--weights", action="append", required=True)
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    faces, path = open_set(given.face_ref), given.out / f"{NAME}.json"
    count = faces.count("val")
    pools = {"val": np.arange(count)}
    pools |= {f"train {seed}": some_people(faces, count, seed) for seed in SEEDS}
    for weights in given.weights:
        model = load_model(weights)
        uses = model.method.uses_references
        gains = (gains_of_references if uses else gains_of_memory)(model, faces, pools)
        said = {name: float(np.mean(gain)) for name, gain in gains.items()}
        say(f"{weights}: {json.dumps(said)}")
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known[model.sha256] = {
            "network": model.method.title,
            "references": REFERENCES if uses else 0,
            "budget": model.facts.get("budget"),
            "data_revision": data_revision(faces),
            "faces": count,
            "tested": len(gains["val"]),
            "gains": {name: gain.round(4).tolist() for name, gain in gains.items()},
        }
        write_json(path, known)


if __name__ == "__main__":
    main()
