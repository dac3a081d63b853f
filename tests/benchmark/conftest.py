"""A light SRCNN, and the embedded sample's images as they are: no detection, no alignment."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

import baselines.srcnn
from faceref.sources.sample import sample
from tests.benchmark.narrow import NARROW


@pytest.fixture(scope="module", autouse=True)
def _narrow_srcnn() -> Iterator[None]:
    """What is tested here is what is done with a network: a small one will do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines.srcnn, "METHOD", NARROW)
        yield


@pytest.fixture(scope="session")
def sample_faces() -> np.ndarray:
    """Middles of the first 48 images of the sample: uint8 RGB, (48, 128, 128, 3)."""
    images = [record.data or b"" for record in sample().records[:48]]
    return np.stack([_middle(Image.open(io.BytesIO(data)).convert("RGB")) for data in images])


def _middle(image: Image.Image) -> np.ndarray:
    left, top = (image.width - 128) // 2, (image.height - 128) // 2
    return np.asarray(image.crop((left, top, left + 128, top + 128)))
