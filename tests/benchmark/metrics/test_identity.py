"""Identity metrics with an embedder whose answers are known, and with dlib."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.metrics.identity import (
    cosines,
    embed_all,
    landmark_distance,
    need_other_embedder,
    reference_usage,
)
from benchmark.protocol.degradation import degrade, upsample_bicubic
from faceref.embed.align import DLIB, align
from faceref.embed.base import Detection, Embedder, normalise
from faceref.embed.registry import open_embedder
from faceref.errors import FaceRefError
from faceref.sources.sample import sample


def identity(embedder: Embedder, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return cosines(embed_all(embedder, outputs), embed_all(embedder, targets))


class MeanColour:
    """Embeds by mean colour; a face is what has a red pixel, its landmarks lie around the first."""

    scheme = DLIB
    batch_size = 2
    det_size = None

    def finest(self, _: int) -> float:
        return 1.0

    def detect(self, image: np.ndarray) -> list[Detection]:
        rows, columns = np.nonzero((image == (255, 0, 0)).all(-1))
        if not len(rows):
            return []
        points = DLIB.template + np.array([columns[0], rows[0]], np.float32)
        return [Detection((0, 0, 128, 128), 1.0, points)]

    def embed(self, faces: np.ndarray) -> np.ndarray:
        return normalise(faces.mean((1, 2)).astype(np.float64))

    def provenance(self) -> dict[str, Any]:
        return {"name": "mean colour", "models": {"recognition": {"sha256": "a" * 64}}}


def _flat(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((128, 128, 3), colour, np.uint8) for colour in colours])


def test_similarity_is_the_cosine_of_each_pair():
    first = _flat((9, 0, 0), (9, 0, 0), (3, 4, 0))
    second = _flat((5, 0, 0), (0, 7, 0), (7, 0, 0))
    found = identity(MeanColour(), first, second)
    assert found == pytest.approx([1, 0, 0.6], abs=1e-6)


def test_usage_is_zero_for_the_target_and_one_for_a_pasted_reference():
    target, reference = np.array([[1.0, 0, 0]] * 3), np.array([[[0, 1.0, 0], [0, 0, 1.0]]] * 3)
    output = np.array([[1.0, 0, 0], [0, 1.0, 0], [0.6, 0.8, 0]])
    assert reference_usage(output, target, reference) == pytest.approx([0, 0.5, 0.4])
    assert reference_usage(output, target, reference[:, :0]).tolist() == [0, 0, 0]


def test_usage_below_zero_is_an_output_less_like_the_references_than_the_target():
    found = reference_usage(np.array([[0, 1.0]]), np.array([[1.0, 0]]), np.array([[[1.0, 0]]]))
    assert found == pytest.approx([-1])


def test_landmarks_are_measured_in_eye_distances_and_missing_faces_are_nan():
    images = _flat((0, 0, 0), (0, 0, 0), (0, 0, 0))
    images[0, 10, 10] = images[1, 13, 14] = 255, 0, 0
    found = landmark_distance(MeanColour(), images[[1, 2]], images[[0, 0]])
    assert found[0] == pytest.approx(5 / DLIB.eye_distance(DLIB.template), rel=1e-5)
    assert np.isnan(found[1])


def test_the_mining_embedder_is_refused():
    embedder = MeanColour()
    with pytest.raises(FaceRefError, match="chose the references"):
        need_other_embedder(embedder, embedder.provenance())
    need_other_embedder(embedder, {"models": {"recognition": {"sha256": "b" * 64}}})


def test_dlib_knows_the_same_face_from_another():
    embedder = open_embedder("dlib")
    faces = []
    for record in sample().records[:40:5]:
        image = np.asarray(Image.open(io.BytesIO(record.data or b"")).convert("RGB"))
        if found := embedder.detect(image):
            faces.append(align(image, found[0].landmarks, embedder.scheme.template)[0])
    targets = np.stack(faces)
    assert len(targets) >= 4
    assert identity(embedder, targets, targets) == pytest.approx(1, abs=1e-6)
    blurred = np.stack([upsample_bicubic(degrade(face)) for face in targets])
    own = identity(embedder, blurred, targets)
    others = identity(embedder, np.roll(blurred, 1, 0), targets)
    assert own.mean() > others.mean()
    embedded = embed_all(embedder, targets)
    pasted = reference_usage(np.roll(embedded, 1, 0), embedded, np.roll(embedded, 1, 0)[:, None])
    assert pasted.min() > 0
