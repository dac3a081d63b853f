"""Embedder from dlib: HOG detector, five-point predictor and ResNet, all in the public domain.

The models come with the package `face-recognition-models`. Of its files the 68-point predictor is
not used: its training data excludes commercial use.
"""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceref.embed.align import DLIB, Landmarks, dlib_chip_matrix
from faceref.embed.base import Detection, normalise
from faceref.errors import FaceRefError
from faceref.files import file_sha256

POINTS_FILE = "shape_predictor_5_face_landmarks.dat"
RESNET_FILE = "dlib_face_recognition_resnet_model_v1.dat"
CHIP, PADDING = 150, 0.25
UPSAMPLE = 1
"""Times that an image is doubled before detection: the HOG detector sees faces of 80 pixels."""
SMALL = 400 * 400
"""Pixels of a photograph in which faces of 10 pixels are looked for: it takes a second or two."""


def _model_folder() -> Path:
    # Importing the package needs pkg_resources, so only its place is asked for.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise FaceRefError(
            "The embedder 'dlib' needs its models: pip install face-recognition-models"
        )
    return Path(spec.origin).parent / "models"


def _need_cuda(dlib: Any) -> None:
    """Raise FaceRefError unless this dlib computes on a CUDA device."""
    if not getattr(dlib, "DLIB_USE_CUDA", False):
        raise FaceRefError(
            "--device cuda: this dlib is built without CUDA, as the wheels of dlib-bin are. Use "
            "--device cpu, or build dlib from source with -DDLIB_USE_CUDA=1, or use --embedder "
            "insightface."
        )
    if dlib.cuda.get_num_devices() < 1:
        raise FaceRefError("--device cuda: dlib sees no CUDA device. Use --device cpu.")


class DlibEmbedder:
    """dlib's detector, landmarks and 128-dimensional descriptor.

    The detector and the landmarks have no GPU code: with `cuda` only the descriptor is computed
    there, and a dlib that cannot raises FaceRefError.
    """

    scheme: Landmarks = DLIB
    batch_size = 32
    det_size = None

    def __init__(self, device: str = "cpu") -> None:
        import dlib

        if device == "cuda":
            _need_cuda(dlib)
        folder = _model_folder()
        self._files = {"landmarks": folder / POINTS_FILE, "recognition": folder / RESNET_FILE}
        self._dlib: Any = dlib
        self._local = threading.local()
        self._chip = dlib_chip_matrix(CHIP, PADDING)

    def _models(self) -> tuple[Any, Any, Any]:
        # dlib's networks hold state during a call, so each thread has its own.
        if not hasattr(self._local, "models"):
            dlib = self._dlib
            self._local.models = (
                dlib.get_frontal_face_detector(),
                dlib.shape_predictor(str(self._files["landmarks"])),
                dlib.face_recognition_model_v1(str(self._files["recognition"])),
            )
        return self._local.models

    def finest(self, pixels: int) -> float:
        """Where faces of 20 pixels are found, and of 10 in a small photograph."""
        return 4.0 if pixels <= SMALL else 2.0

    def detect(self, image: np.ndarray) -> list[Detection]:
        """All faces that the HOG detector finds; see `Embedder.detect`."""
        detector, predictor, _ = self._models()
        image = np.ascontiguousarray(image)
        boxes, scores, _ = detector.run(image, UPSAMPLE, 0.0)
        found = []
        for box, score in zip(boxes, scores, strict=True):
            parts = predictor(image, box).parts()
            points = np.array([[part.x, part.y] for part in parts], np.float32)
            corners = (box.left(), box.top(), box.right(), box.bottom())
            found.append(Detection(corners, float(score), points))
        return found

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Descriptors of the faces, warped to dlib's chip; see `Embedder.embed`."""
        _, _, network = self._models()
        chips = [
            cv2.warpAffine(face, self._chip, (CHIP, CHIP), flags=cv2.INTER_LINEAR) for face in faces
        ]
        return normalise(np.array(network.compute_face_descriptor(chips), np.float64))

    def provenance(self) -> dict[str, Any]:
        """See `Embedder.provenance`."""
        models: dict[str, Any] = {
            task: {"file": path.name, "sha256": file_sha256(path)}
            for task, path in self._files.items()
        }
        models["detection"] = {"file": "built into dlib: frontal HOG", "upsample": UPSAMPLE}
        return {
            "name": "dlib",
            "models": models,
            "landmarks": self.scheme.name,
            "template": "dlib mean shape, eyes as in arcface-112 at (8, 0)",
            "chip": {"size": CHIP, "padding": PADDING},
        }
