from pathlib import Path

import numpy as np
import pytest
import torch

from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.lr_encoder.model import embed_lr, load_encoder
from faceref.lr_encoder.training import LrFaces, Schedule, learning_rate, train_encoder

BRIEF = Schedule(epochs=4, batch_size=8, validations=3)


def _faces(count: int = 24, seed: int = 0) -> LrFaces:
    """Faces whose embedding follows from what can be seen: the colours of a symmetric grid."""
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 256, (count, 4, 2, 3), dtype=np.uint8)
    coarse = np.concatenate([half, half[:, :, ::-1]], 2)
    thumbnails = coarse.repeat(4, 1).repeat(4, 2)
    embeddings = normalise(coarse.reshape(count, -1) - 127.5)
    return LrFaces(thumbnails, embeddings, np.array([f"{seed}-{row}" for row in range(count)]))


def _train(folder: Path, schedule: Schedule = BRIEF, faces: LrFaces | None = None) -> dict:
    folder.mkdir(exist_ok=True)
    return train_encoder(faces or _faces(), _faces(16, 1), folder / "e.safetensors", schedule)


def test_it_learns_what_can_be_seen(tmp_path: Path):
    schedule = Schedule(epochs=12, batch_size=32, averaging=0.9, validations=4)
    report = _train(tmp_path, schedule, _faces(384))
    vectors = embed_lr(load_encoder(tmp_path / "e.safetensors"), _faces(16, 1).thumbnails)
    assert np.einsum("nd,nd->n", vectors, _faces(16, 1).embeddings).mean() > 0.5
    assert report["val_cosine_of_retrieved"] == max(score for _, score in report["val_curve"])
    assert report["chosen_after"] in [shown for shown, _ in report["val_curve"]]


def test_a_few_faces_are_learnt_by_heart(tmp_path: Path):
    rng = np.random.default_rng(3)
    people = np.arange(12)
    few = LrFaces(
        rng.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8),
        normalise(rng.normal(size=(12, 16))),
        people,
    )
    out = tmp_path / "e.safetensors"
    schedule = Schedule(epochs=150, batch_size=12, averaging=0.9, validations=1, ranking=0.0)
    train_encoder(few, few, out, schedule)
    vectors = embed_lr(load_encoder(out), few.thumbnails)
    assert ((vectors @ few.embeddings.T).argmax(1) == people).all()
    assert np.einsum("nd,nd->n", vectors, few.embeddings).mean() > 0.8


def test_a_training_can_be_repeated_and_interrupted(tmp_path: Path):
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    first = _train(tmp_path / "a")
    assert torch.get_num_threads() == before
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(7)
    assert _train(tmp_path / "b") == first
    _interrupted(tmp_path / "c", after=9)
    assert _train(tmp_path / "c") == first
    digests = {file_sha256(tmp_path / name / "e.safetensors") for name in "abc"}
    assert len(digests) == 1


def test_a_finished_training_is_not_done_again(tmp_path: Path):
    first = _train(tmp_path)
    before = file_sha256(tmp_path / "e.safetensors")

    def never(done: int, total: int) -> None:
        raise AssertionError(f"step {done} of {total}")

    out = tmp_path / "e.safetensors"
    assert train_encoder(_faces(), _faces(16, 1), out, BRIEF, progress=never) == first
    assert file_sha256(out) == before


def _interrupted(folder: Path, after: int) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 12 * 8
        if done == after * 8:
            raise KeyboardInterrupt

    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train_encoder(_faces(), _faces(16, 1), folder / "e.safetensors", BRIEF, progress=stop)
    assert (folder / "e.checkpoint").exists()


def test_a_checkpoint_of_other_faces_is_not_taken_up(tmp_path: Path):
    fresh = _train(tmp_path / "fresh", faces=_faces(24, 5))
    _interrupted(tmp_path / "other", after=9)
    assert _train(tmp_path / "other", faces=_faces(24, 5)) == fresh


def test_the_caller_s_threads_do_not_matter(tmp_path: Path):
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            _train(tmp_path / str(threads), Schedule(epochs=2, batch_size=16))
    finally:
        torch.set_num_threads(before)
    assert len({file_sha256(tmp_path / name / "e.safetensors") for name in "13"}) == 1


def test_without_val_the_last_weights_are_kept(tmp_path: Path):
    nobody = _faces().take(np.zeros(0, int))
    report = train_encoder(_faces(), nobody, tmp_path / "e.safetensors", BRIEF)
    assert report["val_cosine_of_retrieved"] is None
    assert report["chosen_after"] == 12 * 8


def test_too_few_faces_and_wrong_schedules_are_refused(tmp_path: Path):
    with pytest.raises(FaceRefError, match="likeness-lr appearance"):
        train_encoder(_faces(1), _faces(16, 1), tmp_path / "e.safetensors")
    with pytest.raises(FaceRefError, match="validations 0"):
        Schedule(validations=0)
    with pytest.raises(FaceRefError, match="Choose from: cpu, cuda"):
        train_encoder(_faces(), _faces(16, 1), tmp_path / "e.safetensors", device="tpu")


def test_the_samples_of_a_large_set_are_bounded():
    assert Schedule().steps(11_237) == 20 * 11_237 // 128
    assert Schedule().steps(1_000_000) == 2_000_000 // 128
    assert Schedule().steps(2) == 1


def test_the_rate_rises_and_falls():
    rates = [learning_rate(step, 100, Schedule()) for step in range(100)]
    assert int(np.argmax(rates)) in (4, 5)
    assert max(rates) == pytest.approx(Schedule().learning_rate)
    assert rates[-1] < 0.01 * max(rates)
