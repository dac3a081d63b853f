"""Do references show what a finished network misses?

    python reports/scripts/residual_transfer.py FACE_REF WEIGHTS [--faces N] [--out reports]

First without any training: residuals of references are transferred
and added, times the one number that is best on the other half of the faces. Of the square of what
is missed, in RGB over all faces, they explain a share; -10 log10(1 - share) dB is what that is
worth, and the gain in PSNR-Y, a mean over faces, lies near it.

Then a small network learns to correct the finished face, from five look-alikes found with the LR
face; the same network learns it from the finished face alone. Both see the same faces in the same
order, val chooses the weights, and the difference on test is what the references give. It is one
training an arm: intervals are over faces.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.faces import (
    Faces,
    Pool,
    as_batch,
    cycle,
    read_split,
)
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import to_uint8
from benchmark.results.paired import over_zero
from benchmark.results.statistics import with_interval
from benchmark.studies.references import prepare
from benchmark.studies.study import NAMES
from benchmark.training.export import open_weights, training_report
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.files import write_json, write_text
from faceref.markdown import markdown_table

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it runs by its path

from reports.scripts.residuals import Corrector, Outputs, inputs, outputs, transfer

KINDS = ("random", "refs_lr", "refs_hr", "same", "target")
ASKED = "Do references show what a finished network misses?"
ARMS = ("references", "control")
COUNT = 5
BATCH = 16


class Finished:
    """Faces of a pool, super-resolved when first asked for and kept as bytes."""

    def __init__(self, model: nn.Module, pool: Pool) -> None:
        self.model, self.pool = model, pool
        self.known: dict[int, Tensor] = {}

    def __call__(self, rows: Sequence[int]) -> Outputs:
        """What the network makes of the faces of `rows`."""
        new = [row for row in dict.fromkeys(rows) if row not in self.known]
        if new:
            made = outputs(self.model, torch.from_numpy(self.pool.images[new]))
            bytes_ = made.images.mul(255).round().byte()
            self.known |= dict(zip(new, bytes_, strict=True))
        images = torch.stack([self.known[row] for row in rows]).float().div(255)
        return Outputs(images, as_batch(self.pool.images[list(rows)]) - images)


def explained(
    faces: Faces, references: Sequence[Sequence[int]] | None, done: Finished, own: Outputs
) -> list[dict[str, Any]]:
    """Gain over the network of adding what is transferred, `hard` and `soft`, times one number."""
    carried: dict[str, list[Tensor]] = {"hard": [], "soft": []}
    for row in range(len(faces)):
        if references is None:
            there = Outputs(own.images[row : row + 1], own.residual[row : row + 1])
        else:
            there = done(cycle(list(references[row]), COUNT))
        hard, soft, _ = transfer(own.images[row], there.images, there.residual)
        carried["hard"].append(hard)
        carried["soft"].append(soft)
    return [
        {"how": how, **_added(faces, own, torch.stack(found))} for how, found in carried.items()
    ]


def _added(faces: Faces, own: Outputs, carried: Tensor) -> dict[str, Any]:
    half = torch.arange(len(faces)) % 2 == 0
    best = [_least_squares(carried[part], own.residual[part]) for part in (half, ~half)]
    factor = torch.where(half, best[1], best[0]).view(-1, 1, 1, 1)
    before = _psnr(own.images, faces.hr)
    after = _psnr(own.images + factor * carried, faces.hr)
    left = (own.residual - factor * carried).square().sum() / own.residual.square().sum()
    return {
        "factor": round(float(factor.mean()), 4),
        "explained": round(1 - float(left), 5),
        **_spread(after - before),
    }


def _least_squares(carried: Tensor, residual: Tensor) -> float:
    return float((carried * residual).sum() / carried.square().sum().clamp(min=1e-9))


def _psnr(images: Tensor, hr: np.ndarray) -> np.ndarray:
    return score_batch(to_uint8(images.numpy()), hr)["psnr_y"]


def _spread(gains: np.ndarray) -> dict[str, Any]:
    found = over_zero(gains)
    return {"gain": [round(v, 4) for v in (found.mean, found.low, found.high)]}


def given(faces: Faces, done: Finished, own: Outputs) -> Tensor:
    """What the corrector sees of each face: float16 (N, 10, 128, 128)."""
    found = []
    for row in range(len(faces)):
        there = done(cycle(faces.references[row], COUNT))
        carried = transfer(own.images[row], there.images, there.residual)
        found.append(inputs(own.images[row], *carried).half())
    return torch.stack(found)


def learn(
    arm: str, seen: Tensor, truth: Tensor, val: Tensor, val_truth: Tensor, steps: int
) -> tuple[nn.Module, dict[str, Any]]:
    """Train a corrector; the weights of the least error on val are kept."""
    torch.manual_seed(0)
    model = Corrector()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, steps, pct_start=0.05)
    rng = np.random.default_rng(0)
    best, kept, curve = np.inf, model.state_dict(), []
    for step in range(steps):
        rows = torch.from_numpy(rng.integers(0, len(seen), BATCH))
        flip = bool(rng.random() < 0.5)
        x, y = _seen(arm, seen[rows]), truth[rows].float()
        x, y = (x.flip(3), y.flip(3)) if flip else (x, y)
        loss = nn.functional.l1_loss(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % max(1, steps // 8) == 0:
            error = float((_corrected(model, arm, val) - val_truth.float()).square().mean())
            curve.append([step + 1, round(10 * np.log10(1 / error), 4)])
            if error < best:
                best, kept = error, {k: v.clone() for k, v in model.state_dict().items()}
            print(arm, curve[-1], flush=True)
    model.load_state_dict(kept)
    return model, {"val_psnr_rgb": curve}


def _seen(arm: str, part: Tensor) -> Tensor:
    part = part.float()
    if arm == "control":
        part[:, 3:] = 0
    return part


@torch.no_grad()
def _corrected(model: nn.Module, arm: str, seen: Tensor) -> Tensor:
    return torch.cat([model(_seen(arm, part)) for part in seen.split(BATCH)])


def ladder(opened: FaceRef, model: nn.Module, limit: int | None) -> list[dict]:
    """`explained` for each kind of reference, on the faces whose person has another image."""
    faces, kinds = prepare(opened, "test", limit, COUNT)
    done = Finished(model, faces.pool)
    own = outputs(model, torch.from_numpy(faces.hr))
    found = []
    for kind in KINDS:
        for line in explained(faces, kinds.get(kind), done, own):
            found.append({"kind": kind, "faces": len(faces), **line})
            print(json.dumps(found[-1]), flush=True)
    return found


def corrected(
    opened: FaceRef, model: nn.Module, probes: int, steps: int, limit: int | None
) -> dict[str, Any]:
    """Both arms on test: gain over the finished face, and of the references over the control."""
    done = Finished(model, opened.pool)
    parts: dict[str, tuple[Faces, Tensor, Outputs]] = {}
    for split, count in (("train", probes), ("val", probes // 4), ("test", limit)):
        faces = read_split(opened, split, "refs_lr")
        size = len(faces) if count is None else min(count, len(faces))
        faces = faces.take(np.linspace(0, len(faces) - 1, size).round().astype(int).tolist())
        own = outputs(model, torch.from_numpy(faces.hr))
        parts[split] = faces, given(faces, done, own), own
        print(split, len(faces), flush=True)
    faces, seen, own = parts["test"]
    said: dict[str, Any] = {"probes": len(parts["train"][0]), "steps": steps, "faces": len(faces)}
    scores = {"finished": _psnr(own.images, faces.hr)}
    for arm in ARMS:
        train, val = parts["train"], parts["val"]
        net, report = learn(
            arm, train[1], train[2].residual.half(), val[1], val[2].residual.half(), steps
        )
        scores[arm] = _psnr(own.images + _corrected(net, arm, seen), faces.hr)
        said[arm] = {**report, **_spread(scores[arm] - scores["finished"])}
    said["references over control"] = _spread(scores["references"] - scores["control"])
    said["psnr_y"] = {name: round(float(row.mean()), 4) for name, row in scores.items()}
    return said


def page(said: dict[str, Any]) -> str:
    """The findings in Markdown."""
    corrector, first = said["corrector"], said["ladder"][0]
    lines = [
        f"# {ASKED}",
        "",
        f"{said['network']} (`{said['weights_sha256'][:12]}`) on test of Face_Ref "
        f"`{said['data_revision'][:12]}`; made by "
        "`reports/scripts/residual_transfer.py`, which says "
        "how. The network super-resolves the face and its "
        f"{said['references']} references. What it misses on the references (the HR face minus "
        "the output) is moved to the face by matching patches of the outputs. There it is added "
        "to the network's output for the face (the finished face).",
        "",
        f"## Added as it is, {first['faces']} faces",
        "",
        "`hard`: each patch takes the error of its best match. `soft`: it takes a mean of errors, "
        "weighted by likeness. Explained: the share of the squared error that the addition "
        "removes. Gain: PSNR-Y over that of the network alone, with 95 % interval over faces.",
        "",
    ]
    rows = [
        [NAMES[line["kind"]], line["how"], f"{100 * line['explained']:.2f}", _gain(line)]
        for line in said["ladder"]
    ]
    lines += markdown_table(["references", "match", "explained, %", "gain, dB"], rows, "llrr")
    lines += [
        "",
        f"## A network that learns to use it, {corrector['faces']} faces",
        "",
        f"Trained on {corrector['probes']:,} faces of train for {corrector['steps']:,} steps of "
        f"{BATCH}, with look-alikes found with the LR face; the control is the same network, "
        "which sees the finished face alone. One training each: intervals are over faces.",
        "",
    ]
    arms = (("control", "corrected, alone"), ("references", "corrected, K = 5"))
    rows = [["finished face", f"{corrector['psnr_y']['finished']:.3f}", ""]]
    rows += [[name, f"{corrector['psnr_y'][arm]:.3f}", _gain(corrector[arm])] for arm, name in arms]
    rows.append(["references over control", "", _gain(corrector["references over control"])])
    lines += markdown_table(["", "PSNR-Y", "gain, dB"], rows)
    return "\n".join(lines) + "\n"


def _gain(line: dict[str, Any]) -> str:
    return with_interval(*line["gain"])


def main() -> None:
    """Run, print, and write JSON."""
    parser = argparse.ArgumentParser(description=ASKED)
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("weights", type=Path, help="Of a single-image network, released.")
    parser.add_argument("--faces", type=int, help="Of test, evenly spaced. Default: all.")
    parser.add_argument("--probes", type=int, default=2400, help="Of train, for the corrector.")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("reports"), help="Folder.")
    given_ = parser.parse_args()
    torch.set_num_threads(given_.threads)
    given_.out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    opened = FaceRef.open(given_.face_ref)
    weights, report = open_weights(given_.weights), training_report(given_.weights)
    said = {
        "data_revision": data_revision(opened),
        "network": weights.method.title,
        "weights_sha256": report["weights_sha256"],
        "references": COUNT,
        "ladder": ladder(opened, weights.model, given_.faces),
    }
    said["corrector"] = corrected(opened, weights.model, given_.probes, given_.steps, given_.faces)
    said["minutes"] = round((time.monotonic() - start) / 60, 1)
    write_json(given_.out / "residual_transfer.json", said)
    write_text(given_.out / "residual_transfer.md", page(said))
    print(page(said))


if __name__ == "__main__":
    main()
