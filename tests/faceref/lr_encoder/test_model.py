from pathlib import Path

import numpy as np
import pytest
import torch

from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.lr_encoder.model import BATCH, LrEncoder, embed_lr, load_encoder, save_encoder


def _thumbnails(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoder() -> LrEncoder:
    torch.manual_seed(0)
    encoder = LrEncoder(24)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    return encoder.eval()


def test_size_of_the_network():
    assert sum(weight.numel() for weight in LrEncoder(128).parameters()) == 1_094_560
    assert sum(weight.numel() for weight in LrEncoder(512).parameters()) < 2_000_000


def test_an_embedding_depends_on_its_face_alone(encoder: LrEncoder):
    thumbnails = _thumbnails(BATCH + 44)
    vectors = embed_lr(encoder, thumbnails)
    assert (vectors.shape, vectors.dtype) == ((BATCH + 44, 24), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(embed_lr(encoder, thumbnails[:7]), vectors[:7])
    assert np.array_equal(embed_lr(encoder, thumbnails[BATCH : BATCH + 7]), vectors[-44:-37])
    assert np.allclose(embed_lr(encoder, thumbnails[:, :, ::-1]), vectors, atol=1e-5)
    assert embed_lr(encoder, thumbnails[:0]).shape == (0, 24)


def test_threads_do_not_matter(encoder: LrEncoder):
    before = torch.get_num_threads()
    vectors = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            vectors.append(embed_lr(encoder, _thumbnails(300)))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(vectors[0], vectors[1])
    assert np.array_equal(vectors[0], vectors[2])


def test_light_does_not_matter(encoder: LrEncoder):
    dark = np.random.default_rng(1).integers(0, 100, (5, 16, 16, 3), dtype=np.uint8)
    bright = (dark * 2 + 40).astype(np.uint8)
    assert np.allclose(embed_lr(encoder, dark), embed_lr(encoder, bright), atol=1e-4)


def test_weights_go_to_disk_and_back(encoder: LrEncoder, tmp_path: Path):
    path = tmp_path / "e.safetensors"
    digest = save_encoder(encoder, path)
    assert digest == file_sha256(path)
    assert path.stat().st_size < 5_000_000
    again = load_encoder(path, sha256=digest)
    vectors = embed_lr(again, _thumbnails(5))
    assert np.allclose(vectors, embed_lr(encoder, _thumbnails(5)), atol=5e-3)
    assert save_encoder(again, tmp_path / "again.safetensors") == digest
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_an_encoder_must_be_small(tmp_path: Path):
    with pytest.raises(FaceRefError, match="5,000,000"):
        save_encoder(LrEncoder(512, width=64), tmp_path / "e.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_damaged_replaced_and_missing_files_are_named(encoder: LrEncoder, tmp_path: Path):
    path = tmp_path / "e.safetensors"
    with pytest.raises(FaceRefError, match=r"--likeness-lr.* hydrated .*from the source"):
        load_encoder(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FaceRefError, match="damaged"):
        load_encoder(path)
    digest = save_encoder(encoder, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FaceRefError, match="damaged"):
        load_encoder(path)
    save_encoder(LrEncoder(8, width=8), path)
    with pytest.raises(FaceRefError, match="replaced"):
        load_encoder(path, sha256=digest)


@pytest.mark.parametrize(
    "faces", [np.zeros((2, 16, 16), np.uint8), np.zeros((2, 16, 16, 3), np.float32)]
)
def test_other_images_are_refused(faces: np.ndarray):
    with pytest.raises(ValueError, match="need"):
        embed_lr(LrEncoder(8, width=8), faces)


def test_a_device_that_is_not_there_is_an_error(encoder: LrEncoder, tmp_path: Path):
    save_encoder(encoder, tmp_path / "e.safetensors")
    with pytest.raises(FaceRefError, match="Choose from: cpu, cuda"):
        load_encoder(tmp_path / "e.safetensors", "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(FaceRefError, match="no CUDA device"):
            load_encoder(tmp_path / "e.safetensors", "cuda")


@pytest.mark.gpu
def test_cuda_says_the_same(encoder: LrEncoder, tmp_path: Path):
    save_encoder(encoder, tmp_path / "e.safetensors")
    vectors = [
        embed_lr(load_encoder(tmp_path / "e.safetensors", name), _thumbnails(9))
        for name in ("cpu", "cuda")
    ]
    assert np.allclose(vectors[0], vectors[1], atol=5e-3)
