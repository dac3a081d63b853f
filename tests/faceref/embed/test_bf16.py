"""Networks in bf16: said where they cannot be had, and near to float32 where they can."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from faceref.embed.base import Embedder
from faceref.embed.bf16 import need_bf16
from faceref.embed.choice import central_face
from faceref.embed.registry import open_embedder
from faceref.errors import FaceRefError
from faceref.pipeline import stages
from faceref.pipeline.stages import find_face
from faceref.sources.folder import folder

IMAGES = 120


def _openvino(*abilities: str) -> SimpleNamespace:
    core = SimpleNamespace(get_property=lambda *_: list(abilities))
    return SimpleNamespace(Core=lambda: core)


def test_without_openvino_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(FaceRefError, match=r"pip install 'face-ref\[openvino\]'"):
        open_embedder("insightface", pack="buffalo_l", precision="bf16")


def test_a_cpu_that_would_only_imitate_it_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", _openvino("FP32", "INT8"))
    with pytest.raises(FaceRefError, match=r"does not compute in bf16.*Leave it out"):
        need_bf16("insightface", "cpu")
    monkeypatch.setitem(sys.modules, "openvino", _openvino("FP32", "BF16"))
    need_bf16("insightface", "cpu")


@pytest.mark.parametrize(("name", "device"), [("dlib", "cpu"), ("insightface", "cuda")])
def test_it_is_for_insightface_on_a_cpu(name: str, device: str):
    with pytest.raises(FaceRefError, match=f"not for '{name}' on {device}"):
        open_embedder(name, device=device, precision="bf16")


def test_an_unknown_precision_gets_a_suggestion():
    with pytest.raises(FaceRefError, match="'bf16'"):
        open_embedder("insightface", precision="bf61")


@pytest.fixture(scope="module")
def both(real_data: Path) -> tuple[Embedder, Embedder]:
    """The small pack in float32 and in bf16."""
    pytest.importorskip("openvino", reason="no OpenVINO: pip install 'face-ref[openvino]'")
    pack = str(real_data / "models" / "arcface_small")
    try:
        return open_embedder("insightface", pack=pack), open_embedder(
            "insightface", pack=pack, precision="bf16"
        )
    except FaceRefError as error:
        pytest.skip(str(error))


@pytest.mark.real
def test_faces_and_embeddings_are_nearly_those_of_float32(
    both: tuple[Embedder, Embedder], real_data: Path
):
    whole, half = both
    records = folder(real_data / "data" / "lfw-deepfunneled").records[:: 13_000 // IMAGES][:IMAGES]
    read = [record for record in stages.run([stages.read], records) if record.pixels is not None]
    for record in read:
        assert record.pixels is not None
        height, width = record.pixels.shape[:2]
        one, two = (
            central_face(embedder.detect(record.pixels), width, height) for embedder in both
        )
        assert np.abs(one.landmarks - two.landmarks).max() < 1.5
    placed = stages.run([find_face(whole)], read)
    faces = np.stack([record.face for record in placed if record.face is not None])
    assert len(faces) > 0.9 * IMAGES
    cosines = (whole.embed(faces) * half.embed(faces)).sum(1)
    assert cosines.min() > 0.997
    assert cosines.mean() > 0.999


@pytest.mark.real
def test_the_manifest_tells_sets_of_both_apart(both: tuple[Embedder, Embedder]):
    whole, half = (embedder.provenance() for embedder in both)
    assert half == {**whole, "precision": "bf16"}


@pytest.mark.real
def test_many_threads_may_call_it(both: tuple[Embedder, Embedder]):
    faces = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), dtype=np.uint8)
    alone = both[1].embed(faces)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: both[1].embed(faces), range(12)))
    assert all(np.array_equal(alone, each) for each in found)
