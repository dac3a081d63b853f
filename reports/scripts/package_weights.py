"""The weights that come with the package: those of `weights/` in half precision.

    python reports/scripts/package_weights.py --face-ref FACE_REF

writes them to `benchmark/weights/` where they are not there or others, and with a built LFW prints
what half precision and the references of the embedded sample do to PSNR on its val split. They do
not hold the report of their training, so that no result can be scored with them under the name of
the full ones.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from benchmark.data.faces import as_batch
from benchmark.methods.model import Model
from benchmark.metrics.batch import score_batch
from benchmark.metrics.score import to_uint8
from benchmark.protocol.degradation import degrade
from benchmark.training.export import PACKAGED, load_model
from faceref.dataset.face_ref import FaceRef
from faceref.files import file_sha256, write_bytes, write_text
from faceref.mining.gallery import Gallery
from faceref.reading.weights import read_safetensors, safetensors_metadata

FULL = Path(__file__).parents[2] / "weights"
CHOSEN = ("lfw-x4-small-40000/sparnet_s.safetensors", "lfw-x8-small-40000/msrnet.safetensors")
KEPT = ("method", "budget", "seed", "data_revision")
COUNT, BATCH = 5, 32
AGAIN = "Get it again."


def write_half(source: Path, out: Path) -> None:
    """Write `source` to `out` in half precision, its SHA-256 beside it, unless it is there."""
    digest = file_sha256(source)
    if out.exists() and safetensors_metadata(out, AGAIN)["full_precision_sha256"] == digest:
        return  # Metadata are in another order each time, so equal weights would be other bytes.
    state, facts = read_safetensors(source, AGAIN)
    half = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in state.items()
    }
    scale = {"scale": json.loads(facts["training"]).get("scale", 8)}
    kept = {name: facts[name] for name in KEPT}
    more = {"training": json.dumps(scale), "full_precision_sha256": digest}
    write_bytes(out, save(half, kept | more))
    write_text(out.with_name(f"{out.name}.sha256"), f"{file_sha256(out)}  {out.name}\n")


@torch.inference_mode()
def psnr(model: Model, faces: np.ndarray, gallery: Gallery | None) -> float:
    """Mean PSNR-Y over faces, uint8 RGB (N, 128, 128, 3), with references of `gallery` or none."""
    scores: list[float] = []
    for start in range(0, len(faces), BATCH):
        targets = faces[start : start + BATCH]
        lr = as_batch(np.stack([degrade(face, model.scale) for face in targets]))
        refs = None
        if gallery is not None:
            found = gallery.find(np.stack([degrade(face) for face in targets]), COUNT)
            refs = torch.stack([as_batch(np.stack([one.image for one in row])) for row in found])
        scores += score_batch(to_uint8(model(lr, refs).numpy()), targets)["psnr_y"].tolist()
    return float(np.mean(scores))


def main() -> None:
    """Write the weights; measure where a set is given."""
    parser = argparse.ArgumentParser(description="Write the weights of the package")
    parser.add_argument("--face-ref", type=Path, help="built LFW, to measure on its val split")
    parser.add_argument("--faces", type=int, help="of val, evenly spaced; default: all")
    given = parser.parse_args()
    for name in CHOSEN:
        write_half(FULL / name, PACKAGED / name)
    if given.face_ref is None:
        return
    faces = FaceRef.open(given.face_ref).images("val")
    faces = faces[np.linspace(0, len(faces) - 1, given.faces or len(faces)).round().astype(int)]
    galleries = {"none": None, "sample": Gallery(), "own": Gallery(given.face_ref)}
    for name in CHOSEN:
        full, half = load_model(FULL / name), load_model(PACKAGED / name)
        for references, gallery in galleries.items():
            if gallery is None or full.method.given(COUNT):
                scores = psnr(full, faces, gallery), psnr(half, faces, gallery)
                print(f"{name}, references: {references}, full and half:", *scores, flush=True)


if __name__ == "__main__":
    main()
