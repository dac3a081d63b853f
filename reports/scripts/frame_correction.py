"""Fits the correction of frames that comes with the package, on the set its networks saw.

    python reports/scripts/frame_correction.py FACE_REF SOURCE

SOURCE is the folder of LFW that FACE_REF was built from. The frame of each train face is moved,
turned and zoomed at random, shown as faces of 12 to 128 pixels show it, and a ridge regression
learns to see by how much; then again, from where that leads. Writes
`benchmark/upscaling/frame_correction.safetensors`, and prints how far the frames of val are off,
before and after each regression.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmark.training.export import write_weights
from benchmark.upscaling.consistency import enlarge, shrink
from benchmark.upscaling.frame_correction import (
    FILE,
    SIDE,
    SPREAD,
    chained,
    features,
    measured,
    moved,
)
from faceref.console import progress_bar, say
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.embed.align import ARCFACE, SIZE, similarity
from reports.scripts.upscale_sizes import SIZES

SEED = 0
STAGES = 2
EACH = 4
"""Random frames of each face."""
PENALTY = 0.01
"""Of the ridge regression, in mean squares of a feature."""
AROUND = 32
"""Pixels around a frame that are kept, so that it can be moved."""
_WIDER = np.array([[0, 0, AROUND], [0, 0, AROUND]])


def wide_frames(faces: FaceRef, split: str, source: Path) -> np.ndarray:
    """Grey faces of a split with what is around their frames, uint8 (N, S, S)."""
    ids = faces.column(split, "image_id")
    points = np.array(faces.column(split, "landmarks"), np.float32).reshape(-1, 5, 2)
    side = SIZE + 2 * AROUND
    found = np.zeros((len(ids), side, side), np.uint8)
    with progress_bar(split, "faces") as update:
        for row, image_id in enumerate(ids):
            with Image.open(source / f"{image_id}.jpg") as image:
                grey = np.asarray(image.convert("L"))
            there = similarity(points[row], ARCFACE.template) + _WIDER
            found[row] = cv2.warpAffine(
                grey, there, (side, side), borderMode=cv2.BORDER_REFLECT_101
            )
            update(row + 1, len(ids), "")
    return found


def seen(wide: np.ndarray, off: np.ndarray, size: int) -> np.ndarray:
    """Features of a frame that is off by the similarity `off`, of a face of `size` pixels."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    frame = cv2.warpAffine(wide, off + _WIDER, (SIZE, SIZE), flags=flags)[..., None]
    return features(enlarge(shrink(frame, size, size), SIZE, SIZE))


def fit(wide: np.ndarray, off: list[np.ndarray], sizes: np.ndarray) -> np.ndarray:
    """The regression from frames that are off to the step that brings each back, (1025, 4)."""
    x = _features(wide, off, sizes).astype(np.float64)
    y = np.stack([measured(cv2.invertAffineTransform(one)) for one in off])
    gram = x.T @ x
    gram[np.diag_indices(len(gram))] += PENALTY * np.trace(gram) / len(gram)
    return np.linalg.solve(gram, x.T @ y).astype(np.float32)


def brought_back(
    wide: np.ndarray, off: list[np.ndarray], sizes: np.ndarray, stage: np.ndarray
) -> list[np.ndarray]:
    """Where the frames are after a regression."""
    steps = _features(wide, off, sizes) @ stage
    return [chained(one, moved(step)) for one, step in zip(off, steps, strict=True)]


def _features(wide: np.ndarray, off: list[np.ndarray], sizes: np.ndarray) -> np.ndarray:
    each = len(off) // len(wide)
    found = np.empty((len(off), SIDE * SIDE + 1), np.float32)
    for row, (one, size) in enumerate(zip(off, sizes.tolist(), strict=True)):
        found[row] = seen(wide[row // each], one, size)
    return found


def _drawn(count: int) -> Iterator[tuple[np.ndarray, int]]:
    """Similarities, and sizes of faces."""
    rng = np.random.default_rng(SEED)
    for step, size in zip(rng.normal(0, SPREAD, (count, 4)), rng.choice(SIZES, count), strict=True):
        yield moved(step), int(size)


def _say(split: str, off: list[np.ndarray]) -> None:
    spread = np.sqrt(np.mean([measured(one) ** 2 for one in off], 0))
    say(f"{split}: off by {', '.join(f'{one:.3f}' for one in spread)}")


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("face_ref", type=Path)
    parser.add_argument("source", type=Path, help="Folder of LFW.")
    parser.add_argument("--out", type=Path, default=FILE)
    given = parser.parse_args()
    faces = FaceRef.open(given.face_ref)
    wide = {split: wide_frames(faces, split, given.source) for split in ("train", "val")}
    off, sizes, stages = {}, {}, []
    for split, images in wide.items():
        drawn = list(_drawn(EACH * len(images)))
        off[split] = [similarity for similarity, _ in drawn]
        sizes[split] = np.array([size for _, size in drawn])
        _say(split, off[split])
    for _ in range(STAGES):
        stages.append(fit(wide["train"], off["train"], sizes["train"]))
        for split, images in wide.items():
            off[split] = brought_back(images, off[split], sizes[split], stages[-1])
            _say(split, off[split])
    state = {"stages": torch.from_numpy(np.stack(stages))}
    write_weights(given.out, state, {"data_revision": data_revision(faces)})


if __name__ == "__main__":
    main()
