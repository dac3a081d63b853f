"""An embedder without models, and folders of images for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from faceref.embed.align import ARCFACE, Landmarks
from faceref.embed.base import Detection, normalise


class PlainEmbedder:
    """Takes the whole image for an aligned face; a black image has none."""

    scheme: Landmarks = ARCFACE
    batch_size = 4
    det_size = None

    def __init__(self) -> None:
        self.detected = 0

    def finest(self, _: int) -> float:
        """No closer than the image is."""
        return 1.0

    def detect(self, image: np.ndarray) -> list[Detection]:
        """One face, unless the image is black."""
        self.detected += 1
        if image.max() == 0:
            return []
        return [Detection((0, 0, 128, 128), 0.9, ARCFACE.template)]

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """The image at 4x4, centred."""
        small = faces.reshape(len(faces), 4, 32, 4, 32, 3).mean((2, 4)).reshape(len(faces), -1)
        return normalise(small - small.mean(1, keepdims=True))

    def provenance(self) -> dict:
        """A name."""
        return {"name": "plain"}


def face_image(person: int, shot: int) -> np.ndarray:
    """A smooth image that depends on the person more than on the shot, uint8 (128, 128, 3)."""
    own = np.random.default_rng([person]).integers(40, 216, (8, 8, 3))
    noise = np.random.default_rng([person, shot]).integers(-30, 31, (8, 8, 3))
    coarse = Image.fromarray((own + noise).astype(np.uint8))
    return np.asarray(coarse.resize((128, 128), Image.Resampling.BICUBIC))


def write_people(root: Path, people: int = 12, shots: int = 3) -> Path:
    """A folder of `people` with `shots` images each."""
    for person in range(people):
        folder = root / f"person_{person:02d}"
        folder.mkdir(parents=True)
        for shot in range(shots):
            Image.fromarray(face_image(person, shot)).save(folder / f"{shot}.png")
    return root


def clusters(people: int, each: int, dims: int = 32, noise: float = 0.5) -> np.ndarray:
    """Unit vectors of `people` in clusters of `each`, float32 (people x each, dims)."""
    rng = np.random.default_rng(0)
    centres = normalise(rng.normal(size=(people, dims)))
    vectors = (
        np.repeat(centres, each, 0) + noise * rng.normal(size=(people * each, dims)) / dims**0.5
    )
    return normalise(vectors)
