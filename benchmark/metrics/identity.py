"""Whose face it is: identity, landmarks, and what was taken from the references.

All need an embedder that did not choose the references: mining by one embedder and scoring by the
same would reward what it cannot see.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from faceref.embed.base import Embedder
from faceref.embed.choice import central_face
from faceref.errors import FaceRefError


def need_other_embedder(embedder: Embedder, mining: dict[str, Any]) -> None:
    """Raise FaceRefError where `embedder` is the one of `mining`, a Face_Ref's provenance.

    Two embedders are one if their recognition models have one SHA-256.
    """
    ours = embedder.provenance()
    hashes = [found["models"]["recognition"]["sha256"] for found in (ours, mining)]
    if hashes[0] == hashes[1]:
        raise FaceRefError(
            f"The embedder {ours['name']!r} chose the references, so it cannot score identity. "
            f"Use another: {'' if ours['name'] == 'dlib' else '--embedder dlib, or '}"
            "--embedder insightface with another --pack."
        )


def reference_usage(outputs: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
    """`usage@1`: how much more the output is like its references than the target is, float64 (N,).

    The mean over K of cos(output, reference) - cos(target, reference), of embeddings (N, D), (N, D)
    and (N, K, D) of length 1. Near 0: detail, not identity, was taken; clearly above 0: someone
    else's identity was pasted in; 0 for K = 0.
    """
    if references.shape[1] == 0:
        return np.zeros(len(outputs))
    difference = outputs.astype(np.float64) - targets
    return np.einsum("nd,nkd->nk", difference, references.astype(np.float64)).mean(1)


def landmark_distance(embedder: Embedder, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """`landmarks@1`: mean distance of five landmarks in the target's eye distances, float64 (N,).

    Points are those of the detector of `embedder`, of uint8 RGB faces (N, H, W, 3). NaN where no
    face is found in one of the two: report those apart, never as a distance.
    """
    pairs = zip(outputs, targets, strict=True)
    return np.array([_distance(embedder, *pair) for pair in pairs], np.float64)


def embed_all(embedder: Embedder, faces: np.ndarray) -> np.ndarray:
    """L2-normalised embeddings (N, D) of aligned uint8 RGB faces (N, 128, 128, 3), in batches."""
    size = embedder.batch_size
    parts = [embedder.embed(faces[start : start + size]) for start in range(0, len(faces), size)]
    return np.concatenate(parts)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of each pair of rows of length 1, (N, D) and (N, D): float64 (N,), in [-1, 1].

    Of the embeddings of outputs and targets it is `identity@1`. Both are embedded as they are
    aligned: nothing is detected again, so no image is left out.
    """
    return np.clip(np.einsum("nd,nd->n", first.astype(np.float64), second), -1, 1)


def _distance(embedder: Embedder, output: np.ndarray, target: np.ndarray) -> float:
    found = [_landmarks(embedder, image) for image in (output, target)]
    if found[0] is None or found[1] is None:
        return float("nan")
    apart = np.linalg.norm(found[0] - found[1], axis=1).mean()
    return float(apart / embedder.scheme.eye_distance(found[1]))


def _landmarks(embedder: Embedder, image: np.ndarray) -> np.ndarray | None:
    faces = embedder.detect(image)
    return central_face(faces, image.shape[1], image.shape[0]).landmarks if faces else None
