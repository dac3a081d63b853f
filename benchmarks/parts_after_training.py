"""What each part of a trained MSRNet does for it: the part taken away or changed after training.

`FACE_REF WEIGHTS` scores the released weights of the whole network in every variant of MSRNet whose
parameters are among them, with five look-alikes found with the small face, against the whole with
and without references. It is quick, and it is no ablation by training: a network that was trained
without a part makes up for it. The faces are those of val, so that what helps may be taken up.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.data import Faces, open_face_ref, read_split
from benchmark.evaluate import enlarge, thin
from benchmark.methods import load, variants
from benchmark.metrics.batch import score_batch
from benchmark.released_weights import as_variant, open_weights, training_report
from benchmark.revision import data_revision
from benchmark.run import write_json
from benchmark.uncertainty import bootstrap

ASKED = "msrnet"
COUNT = 5
LIST = "refs_lr"
CPU = torch.device("cpu")


def scores(model: nn.Module, faces: Faces, count: int) -> np.ndarray:
    """PSNR-Y of each face, dB."""
    images = np.stack(list(enlarge(model, faces, count, CPU)))
    return score_batch(torch.from_numpy(images), torch.from_numpy(faces.hr))["psnr_y"]


def line(name: str, idea: str, found: np.ndarray, whole: np.ndarray) -> dict[str, Any]:
    """One row of the table."""
    low, high = bootstrap((found - whole).tolist())
    over = [round(float(v), 4) for v in ((found - whole).mean(), low, high)]
    return {"name": name, "idea": idea, "psnr_y": round(float(found.mean()), 4), "over": over}


def page(said: dict[str, Any]) -> str:
    """The table in Markdown."""
    lines = [
        "# Parts of a trained MSRNet, changed after training",
        "",
        f"{said['faces']} faces of val of Face_Ref `{said['data_revision'][:12]}`, weights "
        f"`{said['weights_sha256'][:12]}`, K = {COUNT} look-alikes found with the small face. Made "
        "by `benchmarks/parts_after_training.py`, which says how. PSNR-Y, and what that is over "
        "the whole, paired, with 95 % interval.",
        "",
        "| network | what is changed | PSNR-Y | over the whole, dB |",
        "| --- | --- | ---: | ---: |",
    ]
    for row in said["lines"]:
        over = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*row["over"])
        lines.append(f"| `{row['name']}` | {row['idea']} | {row['psnr_y']:.3f} | {over} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, print, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description="A trained MSRNet with a part changed.")
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("weights", type=Path, help="Of msrnet, released, or its run.")
    parser.add_argument("--faces", type=int, help="Of val, evenly spaced. Default: all.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("reports"), help="Folder.")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    opened, pool = open_face_ref(given.face_ref)
    opened_weights, method = open_weights(given.weights), load(ASKED)
    if opened_weights.method.name != ASKED:
        raise SystemExit(f"{given.weights} is of {opened_weights.method.name}, not of {ASKED}.")
    given.out.mkdir(parents=True, exist_ok=True)
    faces, trained = thin(read_split(opened, "val", pool, LIST), given.faces), opened_weights.model
    whole = scores(trained, faces, COUNT)
    rows = [
        line(ASKED, "the whole", whole, whole),
        line(f"{ASKED}, K = 0", "no references", scores(trained, faces, 0), whole),
    ]
    for name, variant in zip(variants(method), method.variants, strict=True):
        model = as_variant(load(name), trained)
        if model is not None:
            rows.append(line(name, variant.idea, scores(model, faces, COUNT), whole))
            print(rows[-1], flush=True)
    said = {
        "data_revision": data_revision(opened),
        "faces": len(faces),
        "weights_sha256": training_report(given.weights)["weights_sha256"],
        "lines": rows,
    }
    write_json(said, given.out / "parts_after_training.json")
    (given.out / "parts_after_training.md").write_text(page(said), "utf-8")
    print(page(said))


if __name__ == "__main__":
    main()
