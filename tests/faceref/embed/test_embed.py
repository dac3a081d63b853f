from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from faceref.embed.align import align
from faceref.embed.choice import central_face
from faceref.embed.faces import detect_all, detect_main
from faceref.embed.insightface import PackEmbedder
from faceref.embed.registry import EmbedderSpec, open_embedder
from faceref.errors import FaceRefError
from faceref.pipeline import stages
from faceref.reading.image import decode
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


def test_dlib_finds_faces_of_12_pixels_in_a_small_photograph():
    embedder, seen = open_embedder("dlib"), []
    for record in sample().records[::40]:
        image = Image.fromarray(decode(record.encoded()).pixels)
        (face,) = embedder.detect(np.asarray(image))
        scale = 12 / (face.box[2] - face.box[0])
        small = np.asarray(image.resize([round(side * scale) for side in image.size]))
        assert embedder.detect(small) == []
        found = detect_all(embedder, small)
        places = [(one.box[0] / scale, one.box[2] / scale) for one in found]
        seen.append(any(abs(left - face.box[0]) < 20 for left, _ in places))
    assert np.mean(seen) >= 0.6
    assert embedder.finest(3000 * 4000) < embedder.finest(200 * 300)


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


class FakeSession:
    """A session of onnxruntime that runs on `providers`."""

    def __init__(self, providers: list[str]) -> None:
        self.providers, self.may_change = providers, True

    def get_providers(self) -> list[str]:
        """Where it runs."""
        return self.providers

    def disable_fallback(self) -> None:
        """Without this a call that fails on the GPU is done on the CPU."""
        self.may_change = False


def _pack_opened_on(session: FakeSession, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a pack of one model with an onnxruntime that lists CUDA and gives `session`."""

    def get_model(path: str, **_: object) -> SimpleNamespace:
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
        _pack_opened_on(FakeSession(["CPUExecutionProvider"]), tmp_path, monkeypatch)


def test_a_session_on_cuda_is_taken_and_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    session = FakeSession(["CUDAExecutionProvider", "CPUExecutionProvider"])
    with pytest.raises(FaceRefError, match="no detection model among"):
        _pack_opened_on(session, tmp_path, monkeypatch)
    assert not session.may_change


def test_a_spec_is_located_by_an_absolute_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pack").mkdir()
    monkeypatch.chdir(tmp_path)
    assert EmbedderSpec("insightface", "pack").located().pack == str(tmp_path / "pack")
    assert EmbedderSpec("dlib").located() == EmbedderSpec("dlib")


def _open_models(
    folder: Path, tasks: dict[str, str], monkeypatch: pytest.MonkeyPatch, landmarks: bool = True
) -> PackEmbedder:
    """A pack whose files are models of these tasks; what is in the files does not matter."""

    def get_model(path: str, **_: object) -> SimpleNamespace:
        session = FakeSession(["CPUExecutionProvider"])
        return SimpleNamespace(
            taskname=tasks[Path(path).name],
            session=session,
            model_file=path,
            use_kps=landmarks,
            input_shape=["N", 3, 112, 112],
            prepare=lambda *_, **__: None,
            detect=lambda image: cv2.resize(image, (0, 0)),
        )

    for name in tasks:
        (folder / name).touch()
    monkeypatch.setattr("insightface.model_zoo.get_model", get_model)
    return PackEmbedder(folder, 320)


WHOLE = {"det.onnx": "detection", "w600k.onnx": "recognition", "genderage.onnx": "attribute"}


@pytest.mark.case("C20")
def test_hidden_files_of_a_pack_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "._det.onnx").write_bytes(b"\0\5\x16\7Mac OS X")
    assert _open_models(tmp_path, WHOLE, monkeypatch).det_size == 320


@pytest.mark.case("C20")
def test_a_pack_with_two_detectors_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(
        FaceRefError, match=r"two detection models: det\.onnx and scrfd\.onnx\. Leave"
    ):
        _open_models(tmp_path, WHOLE | {"scrfd.onnx": "detection"}, monkeypatch)


def test_a_detector_without_landmarks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FaceRefError, match=r"det\.onnx finds boxes, no landmarks"):
        _open_models(tmp_path, WHOLE, monkeypatch, landmarks=False)


@pytest.mark.case("C20")
def test_a_model_that_is_cut_off_is_named(tmp_path: Path):
    (tmp_path / "det_10g.onnx").write_bytes(b"\x08\x07\x12\x07pytorch" + bytes(300))
    with pytest.raises(
        FaceRefError, match=r"det_10g\.onnx of 311 bytes .*take the pack again"
    ) as caught:
        PackEmbedder(tmp_path, 320)
    assert "\n" not in str(caught.value)


@pytest.mark.case("C13")
@pytest.mark.parametrize("size", [(4000, 1), (1300, 2), (1, 4000), (5, 2000)])
def test_an_image_too_narrow_for_the_detector_has_no_face(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    embedder = _open_models(tmp_path, WHOLE, monkeypatch)
    assert embedder.detect(np.zeros((*size, 3), np.uint8)) == []


@pytest.mark.real
@pytest.mark.case("C13")
@pytest.mark.parametrize("size", [(4000, 1), (1300, 2), (1, 4000), (1, 321), (1, 1), (320, 1)])
def test_narrow_images_have_no_face(real_data: Path, size: tuple[int, int]):
    image = np.full((*size, 3), 90, np.uint8)
    for embedder in (
        open_embedder("insightface", pack=str(real_data / "models" / "arcface_small")),
        open_embedder("dlib"),
    ):
        assert detect_main(embedder, image) == detect_all(embedder, image) == []


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
        face = central_face(embedder.detect(pixels), pixels.shape[1], pixels.shape[0])
        aligned, _ = align(pixels, face.landmarks, embedder.scheme.template)
        found = peer.get(np.ascontiguousarray(pixels[..., ::-1]))
        nearest = min(found, key=lambda one: float(np.abs(one.kps - face.landmarks).sum()))
        assert np.abs(nearest.kps - face.landmarks).max() < 0.5
        cosine = float(embedder.embed(aligned[None])[0] @ nearest.normed_embedding)
        assert cosine > 0.97
