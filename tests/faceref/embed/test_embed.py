from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from faceref.embed.align import align
from faceref.embed.base import main_face
from faceref.embed.registry import EmbedderSpec, open_embedder
from faceref.errors import FaceRefError
from faceref.pipeline import stages
from faceref.sources.folder import folder
from faceref.sources.sample import sample


def test_dlib_distinguishes_people_and_batches_agree():
    embedder = open_embedder("dlib")
    records = [record for record in sample().records if record.identity in ("p000", "p014", "p035")]
    run = [stages.read, stages.find_face(embedder)]
    found = [record for record in stages.run(run, records) if record.face is not None]
    assert len(found) >= 17
    pixels = np.stack([record.face for record in found])  # pyright: ignore
    vectors = embedder.embed(pixels)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(embedder.embed(pixels[3:4])[0], vectors[3], atol=1e-5)
    labels = np.array([record.identity for record in found])
    same = labels[:, None] == labels[None]
    scores = vectors @ vectors.T
    off = ~np.eye(len(labels), dtype=bool)
    assert np.median(scores[same & off]) > np.quantile(scores[~same], 0.95)


def test_dlib_names_its_models():
    models = open_embedder("dlib").provenance()["models"]
    # The sum of the file that dlib.net publishes and face-recognition-models carries.
    assert models["recognition"]["sha256"].startswith("55533b28a95800a551ba546ba62fe696")


def test_an_unknown_embedder_gets_a_suggestion():
    with pytest.raises(FaceRefError, match="Did you mean 'insightface'"):
        open_embedder("insigtface")


def test_a_missing_pack_says_what_to_do(tmp_path: Path):
    with pytest.raises(FaceRefError, match="--embedder dlib"):
        open_embedder("insightface", pack=str(tmp_path / "none"))


def test_an_empty_pack_says_what_it_needs(tmp_path: Path):
    with pytest.raises(FaceRefError, match="no detection and no recognition"):
        open_embedder("insightface", pack=str(tmp_path))


def test_a_pack_that_cannot_be_fetched_is_one_error(monkeypatch: pytest.MonkeyPatch):
    def offline(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("insightface.utils.storage.ensure_available", offline)
    with pytest.raises(FaceRefError, match="Cannot fetch the model pack 'buffalo_x'"):
        open_embedder("insightface", pack="buffalo_x")


def test_a_pack_for_dlib_is_refused():
    with pytest.raises(FaceRefError, match="dlib brings its own models"):
        open_embedder("dlib", pack="buffalo_l")


def test_dlib_without_cuda_is_no_cuda():
    with pytest.raises(FaceRefError, match="this dlib is built without CUDA"):
        open_embedder("dlib", device="cuda")


def test_dlib_with_cuda_but_no_device_is_no_cuda(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dlib.DLIB_USE_CUDA", True)
    monkeypatch.setattr("dlib.cuda.get_num_devices", lambda: 0)
    with pytest.raises(FaceRefError, match="dlib sees no CUDA device"):
        open_embedder("dlib", device="cuda")
    monkeypatch.setattr("dlib.cuda.get_num_devices", lambda: 1)
    assert open_embedder("dlib", device="cuda").provenance()["name"] == "dlib"


def test_onnxruntime_without_cuda_is_no_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    only_cpu = ["CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: only_cpu)
    with pytest.raises(FaceRefError, match="Install onnxruntime-gpu in place of onnxruntime"):
        open_embedder("insightface", pack=str(tmp_path), device="cuda")


def _pack_opened_on(providers: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a pack of one model with an onnxruntime that lists CUDA and runs on `providers`."""

    def get_model(path: str, **_: object) -> SimpleNamespace:
        session = SimpleNamespace(get_providers=lambda: providers)
        return SimpleNamespace(taskname="recognition", session=session)

    (folder / "w600k.onnx").touch()
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: listed)
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    monkeypatch.setattr("insightface.model_zoo.get_model", get_model)
    open_embedder("insightface", pack=str(folder), device="cuda")


def test_a_session_that_fell_back_to_the_cpu_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(FaceRefError, match=r"w600k\.onnx on CPUExecutionProvider in place of CUDA"):
        _pack_opened_on(["CPUExecutionProvider"], tmp_path, monkeypatch)


def test_a_session_on_cuda_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FaceRefError, match="no detection model among"):
        _pack_opened_on(["CUDAExecutionProvider", "CPUExecutionProvider"], tmp_path, monkeypatch)


def test_a_spec_is_located_by_an_absolute_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pack").mkdir()
    monkeypatch.chdir(tmp_path)
    assert EmbedderSpec("insightface", "pack").located().pack == str(tmp_path / "pack")
    assert EmbedderSpec("dlib").located() == EmbedderSpec("dlib")


@pytest.mark.real
def test_embeddings_are_those_of_insightface(real_data: Path):
    from insightface.app import FaceAnalysis

    pack = real_data / "models" / "arcface_small"
    embedder = open_embedder("insightface", pack=str(pack), det_size=320)
    peer = FaceAnalysis(name=str(pack), providers=["CPUExecutionProvider"])
    peer.prepare(0, det_size=(320, 320))
    records = folder(real_data / "data" / "lfw-deepfunneled").records[:1200:100]
    for record in records:
        pixels = stages.read(record).pixels
        assert pixels is not None
        face = main_face(embedder.detect(pixels), pixels.shape[1], pixels.shape[0])
        aligned, _ = align(pixels, face.landmarks, embedder.scheme.template)
        found = peer.get(np.ascontiguousarray(pixels[..., ::-1]))
        nearest = min(found, key=lambda one: float(np.abs(one.kps - face.landmarks).sum()))
        assert np.abs(nearest.kps - face.landmarks).max() < 0.5
        cosine = float(embedder.embed(aligned[None])[0] @ nearest.normed_embedding)
        assert cosine > 0.97
