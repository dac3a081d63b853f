"""The 50 Helen faces of FSRNet's test set, with other people from CelebA in the wild as pool.

    python reports/scripts/helen.py HELEN/HR --pool FACE_REF --pack PACK \
        --weights NET [--of-pool NET]

Each network is scored as trained, with references from the pool where it takes any, and with the
error memory of the whole pool: on the faces as they are cut in Helen, and brought to the
frame of Face_Ref, which is that of the pool, by a detector. LR faces are made from the HR faces as
in all tasks. Scores of each face go to `--out`/helen.json; `transfer_page.py` prints them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.api.arguments import open_set
from benchmark.data.faces import Faces, found_in
from benchmark.evaluation.evaluate import super_resolve
from benchmark.evaluation.folders import image_files
from benchmark.memory.fit import choose_faces
from benchmark.metrics.batch import score_batch
from benchmark.protocol.degradation import degrade_all
from benchmark.training.adapt import Way, adapt_to
from benchmark.training.export import load_model
from faceref.console import progress_bar, say
from faceref.dataset.face_ref import FaceRef
from faceref.embed.align import align
from faceref.embed.choice import central_face
from faceref.embed.faces import detect_main
from faceref.embed.registry import open_embedder
from faceref.errors import FaceRefError
from faceref.files import write_json
from faceref.reading.image import decode

REFERENCES = 5
CPU = torch.device("cpu")


def read(folder: Path, pack: str | None) -> dict[str, np.ndarray]:
    """HR faces by name, uint8 RGB (128, 128, 3); brought to the frame where `pack` is given."""
    images = {path.name: decode(path).pixels for path in image_files(folder).values()}
    if pack is None:
        return images
    embedder = open_embedder("insightface", pack=pack)
    template, found = embedder.scheme.template, {}
    for name, image in images.items():
        seen = detect_main(embedder, image)
        if not seen:
            raise FaceRefError(f"No face is found in {name}. Take another pack.")
        face = central_face(seen, image.shape[1], image.shape[0])
        found[name] = align(image, face.landmarks, template)[0]
    return found


def as_faces(images: dict[str, np.ndarray], pool: FaceRef) -> Faces:
    """HR and LR faces, with references from the pool."""
    names, hr = list(images), np.stack(list(images.values()))
    lr = degrade_all(hr, names, "bicubic")
    return found_in(Faces(names, hr, lr, [], pool.pool), pool, REFERENCES)


def score(model: torch.nn.Module, faces: Faces, count: int) -> list[float]:
    """PSNR-Y of each face, dB."""
    outputs = np.stack(list(super_resolve(model, faces, count, CPU)))
    return score_batch(outputs, faces.hr)["psnr_y"].round(3).tolist()


def study(
    weights: str, sides: dict[str, Faces], pool: FaceRef, of_pool: bool
) -> list[dict[str, Any]]:
    """Scores of one network in all its ways; `of_pool`: it was trained on the pool."""
    model = load_model(weights)
    method = model.method
    title = f"{method.title}, trained on the pool" if of_pool else method.title
    with progress_bar(f"{title} error memory", "units") as update:
        way = Way()
        adapted = adapt_to(model, pool, choose_faces(pool, None, 0), way, CPU, update)
    ways = [("as trained", model, 0), ("memory", adapted, 0)]
    if method.uses_references:
        ways.insert(1, (f"{REFERENCES} references", model, REFERENCES))
    rows = []
    for side, faces in sides.items():
        for name, network, count in ways:
            rows.append(
                {
                    "faces": side,
                    "network": title,
                    "way": name,
                    "psnr_y": score(network.eval(), faces, count),
                }
            )
            say(f"{side}, {title}, {name}: {np.mean(rows[-1]['psnr_y']):.3f} dB")
    return rows


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("images", type=Path)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--weights", action="append", required=True, help="or bicubic")
    parser.add_argument(
        "--of-pool", action="append", default=[], help="networks trained on the pool"
    )
    parser.add_argument("--pack", required=True, help="insightface pack, which finds the faces")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    pool = open_set(given.pool)
    sides = {
        "as cut in Helen": as_faces(read(given.images, None), pool),
        "in the frame of the pool": as_faces(read(given.images, given.pack), pool),
    }
    rows = [
        row
        for of_pool, networks in enumerate((given.weights, given.of_pool))
        for one in networks
        for row in study(one, sides, pool, bool(of_pool))
    ]
    write_json(given.out / "helen.json", {"pool": pool.count("train"), "rows": rows})


if __name__ == "__main__":
    main()
