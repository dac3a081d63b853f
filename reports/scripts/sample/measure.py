"""What is measured of synthetic faces: detection, recognition, difficulty, spectrum, speed."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceref.errors import FaceRefError
from faceref.synthetic.generate import GenerateReport, generate, read_landmarks

Array = np.ndarray
DETECTION_SIZE = 320
BT601 = np.array([65.481, 128.553, 24.966]) / 255
SPECTRUM_BAND = (4, 48)
"""Cycles per image between which the slope is fitted."""


@dataclass(frozen=True)
class Faces:
    """The images of a generated folder."""

    names: list[str]
    images: list[Array]
    """uint8 RGB, (S, S, 3) each."""
    landmarks: list[Array]
    """Pixels, float32 (5, 2) each."""

    @property
    def identities(self) -> Array:
        """Label of each image, (N,)."""
        return np.array([name.split("/")[0] for name in self.names])


def load_faces(folder: Path) -> Faces:
    """Every image that `landmarks.csv` of `folder` names."""
    table = read_landmarks(folder)
    images = [read_rgb(folder / f"{name}.jpg") for name in table]
    points = [np.array(row, dtype=np.float32).reshape(5, 2) for row in table.values()]
    return Faces(list(table), images, points)


def read_rgb(path: Path) -> Array:
    """uint8 RGB of an image file."""
    return np.asarray(Image.open(path).convert("RGB"))


@dataclass(frozen=True)
class Found:
    """Faces that one detector and one embedder found."""

    detected: Array
    """True where there was a face, (N,)."""
    embeddings: Array
    """Unit rows of the detected faces, (D, C)."""
    landmark_error: float = float("nan")
    """Mean distance to the known landmarks, as a share of the distance of the eyes."""


def run_insightface(faces: Faces, pack: Path) -> Found:
    """SCRFD (det_size 320, the image padded) and MobileFaceNet of an insightface `pack`."""
    from insightface.model_zoo import get_model
    from insightface.utils.face_align import norm_crop

    detector, embedder = (_only(pack, name) for name in ("scrfd*.onnx", "mobilefacenet*.onnx"))
    scrfd: Any = get_model(str(detector), providers=["CPUExecutionProvider"])
    scrfd.prepare(ctx_id=-1, input_size=(DETECTION_SIZE, DETECTION_SIZE))
    arcface: Any = get_model(str(embedder), providers=["CPUExecutionProvider"])
    detected, features, errors = [], [], []
    for image, known in zip(faces.images, faces.landmarks, strict=True):
        canvas, offset = _padded(image[..., ::-1])
        boxes, points = scrfd.detect(canvas, max_num=1)
        detected.append(len(boxes) > 0)
        if len(boxes):
            errors.append(_error(points[0] - offset, known))
            features.append(arcface.get_feat(norm_crop(canvas, points[0])).ravel())
    return Found(np.array(detected), _embedded(features), float(np.mean(errors)))


def _only(pack: Path, pattern: str) -> Path:
    found = sorted(pack.glob(pattern))
    if len(found) != 1:
        raise FaceRefError(f"{pack} has {len(found)} files {pattern}: give a pack that has one")
    return found[0]


def _padded(image: Array) -> tuple[Array, int]:
    """`image` in the middle of a grey square of twice its size, and the offset in pixels."""
    size = len(image)
    canvas = np.full((2 * size, 2 * size, 3), 127, dtype=np.uint8)
    canvas[size // 2 : size // 2 + size, size // 2 : size // 2 + size] = image
    return canvas, size // 2


def _error(points: Array, known: Array) -> float:
    eyes = np.linalg.norm(known[0] - known[1])
    return float(np.linalg.norm(points - known, axis=1).mean() / eyes)


def _embedded(features: Sequence[Array]) -> Array:
    if not features:
        raise FaceRefError("no image has a detectable face: check them before measuring")
    return _unit(np.array(features))


def _unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def run_dlib(faces: Faces) -> Found:
    """dlib's HOG detector (one upsampling) and ResNet embedder (face_recognition_models)."""
    import dlib

    api: Any = dlib
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise FaceRefError("dlib's weights are missing: pip install face-recognition-models")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    detector = api.get_frontal_face_detector()
    shape = api.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    resnet = api.face_recognition_model_v1(
        str(folder / "dlib_face_recognition_resnet_model_v1.dat")
    )
    detected, features = [], []
    for image in faces.images:
        boxes = detector(np.ascontiguousarray(image), 1)
        detected.append(len(boxes) > 0)
        if len(boxes):
            box = max(boxes, key=lambda b: b.area())
            chip = api.get_face_chip(np.ascontiguousarray(image), shape(image, box), 150, 0.25)
            features.append(np.array(resnet.compute_face_descriptor(chip)))
    return Found(np.array(detected), _embedded(features))


def recognition(found: Found, identities: Array) -> dict[str, float]:
    """ROC AUC and similarities (cosine) of same and different identities.

    `nearest_other` is the median over identities of the highest similarity between its mean
    embedding and another identity's; `mean_other` is the mean over all such pairs.
    """
    from sklearn.metrics import roc_auc_score

    labels = identities[found.detected]
    similarity = found.embeddings @ found.embeddings.T
    first, second = np.triu_indices(len(labels), k=1)
    same, score = labels[first] == labels[second], similarity[first, second]
    return {
        "auc": float(roc_auc_score(same, score)),
        "same": float(score[same].mean()),
        "different": float(score[~same].mean()),
        **_between(found.embeddings, labels),
    }


def _between(embeddings: Array, labels: Array) -> dict[str, float]:
    """Similarities of the mean embeddings of identities."""
    names = np.unique(labels)
    means = _unit(np.array([embeddings[labels == name].mean(axis=0) for name in names]))
    between = means @ means.T
    off = between[~np.eye(len(names), dtype=bool)].reshape(len(names), -1)
    nearest = off.max(axis=1)
    return {
        "mean_other": float(off.mean()),
        "nearest_other_q05": float(np.quantile(nearest, 0.05)),
        "nearest_other": float(np.median(nearest)),
        "nearest_other_q95": float(np.quantile(nearest, 0.95)),
    }


def luma(image: Array) -> Array:
    """BT.601 studio-range Y in [16, 235] of uint8 RGB."""
    return 16 + image.astype(np.float64) @ BT601


def bicubic_psnr(image: Array, scale: int = 8) -> float:
    """PSNR-Y in dB of Pillow's antialiased bicubic down and up by `scale`; no border crop."""
    size = image.shape[0]
    small = Image.fromarray(image).resize((size // scale,) * 2, Image.Resampling.BICUBIC)
    back = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))
    return float(10 * np.log10(255**2 / np.mean((luma(image) - luma(back)) ** 2)))


def spectrum_slope(images: Sequence[Array]) -> float:
    """Slope of log mean power against log frequency of the windowed Y of square images."""
    size = len(images[0])
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.zeros((size, size))
    for image in images:
        y = luma(image)
        power += np.abs(np.fft.fft2((y - y.mean()) * window)) ** 2
    frequency = np.fft.fftfreq(size) * size
    radius = np.rint(np.hypot(frequency[:, None], frequency[None])).astype(np.int64)
    ring = np.bincount(radius.ravel(), power.ravel()) / np.bincount(radius.ravel())
    band = np.arange(SPECTRUM_BAND[0], SPECTRUM_BAND[1] + 1)
    return float(np.polyfit(np.log(band), np.log(ring[band]), 1)[0])


def centre_crops(folder: Path, size: int, limit: int) -> list[Array]:
    """Centre crops of `size` of up to `limit` images in `folder`, evenly spread over the names."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise FaceRefError(f"{folder} holds no images to compare with")
    crops = []
    for path in paths[:: max(1, len(paths) // limit)][:limit]:
        image = read_rgb(path)
        top, left = ((side - size) // 2 for side in image.shape[:2])
        crops.append(image[top : top + size, left : left + size])
    return crops


def seconds_per_image(workers: int, identities: int = 8, per_identity: int = 6) -> float:
    """Wall seconds per 128x128 image of a fresh run on `workers` processes, start included."""
    with tempfile.TemporaryDirectory() as folder:
        report: GenerateReport = generate(
            Path(folder), identities=identities, per_identity=per_identity, seed=7, workers=workers
        )
    return report.seconds / report.rendered
