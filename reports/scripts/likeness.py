"""Are the errors on look-alikes worth more than those on random faces?

    python reports/scripts/likeness.py TARGET --weights NET [--out reports]

The mean error of a network on K faces of a pool is added to its output, times a strength that is
chosen on val for each K and kind. The K faces are the most alike to the LR face (correlation of LR
faces, as `refs_lr` are found), or drawn at random with a seed. Test is scored once. The scores of
every face go to `--out`/likeness.json; `transfer_page.py` draws them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.api.arguments import open_set
from benchmark.data.faces import as_batch, no_references
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import to_uint8
from benchmark.protocol.degradation import degrade_all
from benchmark.training.export import load_model
from faceref.console import progress_bar, say
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.files import write_json
from faceref.similarity.vectors import appearance

NAME = "likeness"
COUNTS = (1, 5, 20, 64, 256)
KINDS = ("alike", "random")
MOST = 4_000
"""Faces of the pool, evenly spaced where there are more."""
STRENGTHS = np.linspace(0, 1.2, 25)
BATCH = 16


class Split:
    """Faces of a split, and what a network makes of them."""

    def __init__(self, faces: FaceRef, name: str, network: nn.Module, most: int) -> None:
        count = faces.count(name)
        rows = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
        found = list(faces.stream_faces(name, rows.tolist()))
        self.ids = [image_id for image_id, _ in found]
        self.hr = np.stack([image for _, image in found])
        self.lr = degrade_all(self.hr, self.ids, "bicubic", 8)
        self.output = self._outputs(network, name)

    @torch.no_grad()
    def _outputs(self, network: nn.Module, name: str) -> Tensor:
        """(N, 3, 128, 128), half precision."""
        made = []
        with progress_bar(name, "faces") as update:
            for start in range(0, len(self.lr), BATCH):
                lr = as_batch(self.lr[start : start + BATCH])
                made.append(network(lr, no_references(range(len(lr)))).float().clamp(0, 1).half())
                update(start + len(lr), len(self.lr), "")
        return torch.cat(made)


def corrections(probes: Split, pool: Split, error: Tensor, kind: str, count: int) -> Tensor:
    """Mean error on `count` faces of the pool, for each probe, (N, 3, 128, 128)."""
    size = len(pool.ids)
    if kind == "random":
        rng = np.random.default_rng(0)
        chosen = np.stack([rng.choice(size, count, replace=False) for _ in probes.ids])
    else:
        alike = appearance(probes.lr) @ appearance(pool.lr).T
        chosen = np.argsort(-alike, 1, kind="stable")[:, :count]
    return torch.stack([error[rows].float().mean(0) for rows in chosen])


def psnr(split: Split, made: Tensor) -> np.ndarray:
    """PSNR-Y of outputs, dB, (N,)."""
    return score_batch(to_uint8(made.numpy()), split.hr)["psnr_y"]


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("target", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    faces, model = open_set(given.target), load_model(given.weights)
    pool, val, test = (Split(faces, name, model.network, MOST) for name in ("train", "val", "test"))
    error = (as_batch(pool.hr) - pool.output.float()).half()
    plain = {"val": psnr(val, val.output.float()), "test": psnr(test, test.output.float())}
    rows: list[dict[str, Any]] = []
    for count in (count for count in COUNTS if count <= len(pool.ids)):
        for kind in KINDS:
            on_val = corrections(val, pool, error, kind, count)
            means = [psnr(val, val.output + s * on_val).mean() for s in STRENGTHS]
            strength = float(STRENGTHS[int(np.argmax(means))])
            on_test = corrections(test, pool, error, kind, count)
            gain = psnr(test, test.output + strength * on_test) - plain["test"]
            gain_val = float(max(means) - plain["val"].mean())
            rows.append(
                {"kind": kind, "count": count, "strength": strength, "gain_val": gain_val}
                | {"gain": gain.round(4).tolist()}
            )
            say(f"{kind} {count}: strength {strength:.2f}, val {gain_val:+.3f}, {gain.mean():+.3f}")
    path = given.out / f"{NAME}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    training = json.loads(model.facts.get("training", "{}"))
    home = training.get("data_revision") == data_revision(faces)
    known[faces.manifest["source"] if home else given.target.name] = {
        "network": model.method.title,
        "weights_sha256": model.sha256,
        "data_revision": data_revision(faces),
        "home": home,
        "pool": len(pool.ids),
        "psnr_y": round(float(plain["test"].mean()), 4),
        "rows": rows,
    }
    write_json(path, known)


if __name__ == "__main__":
    main()
