"""Identity, landmarks and reference usage of a method on a Face_Ref, by a second embedder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.data.faces import Faces, cycle, open_face_ref
from benchmark.evaluation.evaluate import (
    Setting,
    open_model,
    read_faces,
    reference_count,
    super_resolve,
)
from benchmark.methods.registry import load_method
from benchmark.metrics.identity import (
    embed_all,
    landmark_distance,
    need_other_embedder,
    reference_usage,
)
from faceref.embed.base import Embedder
from faceref.hardware import open_device


def likeness(
    face_ref: Path,
    method_name: str,
    setting: Setting,
    embedder: Embedder,
    *,
    run: Path | None = None,
    device: str = "cpu",
) -> dict[str, float]:
    """Means over the faces of a split.

    `identity`: cosine of output and target, to be read beside `random_references`, the cosine of
    targets half the split apart: embedders differ in where strangers lie. `usage`: see
    `reference_usage`, of the references that the method was given. `landmarks`: distance in eye
    distances, over the faces that are found in both, whose share is `found`; absent where none is.
    Raises FaceRefError where `embedder` mined.
    """
    opened, pool = open_face_ref(face_ref)
    need_other_embedder(embedder, opened.manifest["embedder"])
    method, target = load_method(method_name), open_device(device)
    faces = read_faces(opened, pool, setting)
    count = reference_count(method, setting)
    model = open_model(method, run).to(target)
    outputs = np.stack(list(super_resolve(model, faces, count, target)))
    output, hr = embed_all(embedder, outputs), embed_all(embedder, faces.hr)
    distances = landmark_distance(embedder, outputs, faces.hr)
    found = ~np.isnan(distances)
    means = {
        "identity": _mean_cosine(output, hr),
        "strangers": _mean_cosine(np.roll(hr, len(hr) // 2, 0), hr),
        "usage": float(
            reference_usage(output, hr, embed_references(embedder, faces, count)).mean()
        ),
        "found": float(found.mean()),
    }
    return means | ({"landmarks": float(distances[found].mean())} if found.any() else {})


def _mean_cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float((first.astype(np.float64) * second).sum(1).mean())


def embed_references(embedder: Embedder, faces: Faces, count: int) -> np.ndarray:
    """Embeddings (N, K, D) of the references; each face of the pool is embedded once."""
    rows = np.array([cycle(chosen, count) for chosen in faces.references], int)
    if count == 0:
        return np.zeros((len(faces), 0, 1))
    used, places = np.unique(rows, return_inverse=True)
    return embed_all(embedder, faces.pool.images[used])[places.reshape(rows.shape)]
