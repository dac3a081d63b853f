from pathlib import Path

import numpy as np
import pytest
import torch

from faceref.embed.base import file_sha256, normalise
from faceref.errors import FaceRefError
from faceref.lr_encoder import LrEncoder, embed_lr, load, save
from faceref.lr_training import LrFaces, Schedule, one_cycle, train_encoder, vary

BRIEF = Schedule(epochs=3, batch_size=16)


def _faces(count: int = 64, seed: int = 0) -> LrFaces:
    """Faces whose embedding follows from what can be seen: the colours of a symmetric grid."""
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 256, (count, 4, 2, 3), dtype=np.uint8)
    coarse = np.concatenate([half, half[:, :, ::-1]], 2)
    thumbnails = coarse.repeat(4, 1).repeat(4, 2)
    centred = coarse.reshape(count, -1) - 127.5
    return LrFaces(thumbnails, normalise(centred))


def _training(folder: Path, name: str, schedule: Schedule = BRIEF) -> dict:
    folder.mkdir(exist_ok=True)
    return train_encoder(_faces(), _faces(16, 1), folder / name, schedule)


def test_it_learns_what_can_be_seen(tmp_path: Path):
    schedule = Schedule(epochs=8, batch_size=32)
    report = train_encoder(_faces(512), _faces(16, 1), tmp_path / "e.safetensors", schedule)
    assert report["val_cosine"] > 0.5
    assert report["val_cosine"] == max(report["val_curve"])
    told = embed_lr(load(tmp_path / "e.safetensors"), _faces(16, 1).thumbnails)
    cosine = np.einsum("nd,nd->n", told, _faces(16, 1).embeddings)
    assert cosine.mean() == pytest.approx(report["val_cosine"], abs=2e-3)
    assert (tmp_path / "e.safetensors").stat().st_size < 5_000_000


def test_a_training_can_be_repeated_and_interrupted(tmp_path: Path):
    first = _training(tmp_path / "a", "e.safetensors")
    assert _training(tmp_path / "b", "e.safetensors") == first
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        raise KeyboardInterrupt

    (tmp_path / "c").mkdir()
    out = tmp_path / "c" / "e.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_encoder(_faces(), _faces(16, 1), out, BRIEF, progress=stop)
    assert seen == [1]
    assert train_encoder(_faces(), _faces(16, 1), out, BRIEF) == first
    digests = {file_sha256(tmp_path / name / "e.safetensors") for name in "abc"}
    assert len(digests) == 1
    assert not out.with_suffix(".checkpoint").exists()


def test_batches_and_mirrors_do_not_matter(tmp_path: Path):
    torch.manual_seed(0)
    encoder = LrEncoder(24)
    thumbnails = _faces(300).thumbnails
    told = embed_lr(encoder, thumbnails)
    assert told.shape == (300, 24)
    assert np.allclose(np.linalg.norm(told, axis=1), 1, atol=1e-5)
    assert np.allclose(embed_lr(encoder, thumbnails[:7]), told[:7], atol=1e-5)
    assert np.allclose(embed_lr(encoder, thumbnails[:, :, ::-1]), told, atol=1e-4)


def test_weights_go_to_disk_and_back(tmp_path: Path):
    encoder = LrEncoder(24, width=8)
    path = tmp_path / "e.safetensors"
    save(encoder, path)
    again = load(path)
    assert (again.dims, again.width) == (24, 8)
    told = embed_lr(again, _faces(5).thumbnails)
    assert np.allclose(told, embed_lr(encoder, _faces(5).thumbnails), atol=5e-3)


def test_damaged_and_missing_files_are_named(tmp_path: Path):
    path = tmp_path / "e.safetensors"
    with pytest.raises(FaceRefError, match="--likeness-lr"):
        load(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FaceRefError, match="damaged"):
        load(path)


@pytest.mark.parametrize(
    "faces", [np.zeros((2, 16, 16), np.uint8), np.zeros((2, 16, 16, 3), np.float32)]
)
def test_other_pictures_are_refused(faces: np.ndarray):
    with pytest.raises(ValueError, match="need"):
        embed_lr(LrEncoder(8, width=8), faces)


def test_variation_keeps_the_face_recognisable():
    torch.manual_seed(0)
    faces = torch.rand(50, 3, 4, 4).repeat_interleave(4, -1).repeat_interleave(4, -2)
    varied = vary(faces)
    straight = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(faces, varied, strict=True)]
    mirrored = [
        np.corrcoef(a.flip(-1).ravel(), b.ravel())[0, 1] for a, b in zip(faces, varied, strict=True)
    ]
    best = np.maximum(straight, mirrored)
    assert best.min() > 0.6
    assert 5 < (np.array(mirrored) > straight).sum() < 45


def test_the_rate_rises_and_falls():
    rates = [one_cycle(step, 100, Schedule()) for step in range(100)]
    assert int(np.argmax(rates)) in (9, 10)
    assert rates[0] < 0.2 * max(rates) > rates[-1]
