from pathlib import Path

import numpy as np
import pytest

from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import LR_ENCODER
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.lr_encoder.model import embed_lr, load_encoder
from faceref.lr_encoder.training import Schedule, train_encoder
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from reports.scripts.lr_retrieval import read_faces
from tests.faceref.fakes import PlainEmbedder, write_people


class _OtherEmbedder(PlainEmbedder):
    def provenance(self) -> dict:
        return {"name": "other"}


@pytest.fixture(scope="module")
def by_identity(tmp_path_factory: pytest.TempPathFactory) -> FaceRef:
    """A set whose `refs_lr` are chosen by identity, with its encoder."""
    root = tmp_path_factory.mktemp("by_identity")
    people = folder(write_people(root / "people"))
    recipe = Recipe(Mining(4, likeness_lr="identity"), SplitRule(0.2, 0.2))
    build(people, PlainEmbedder(), root / "out", recipe)
    return FaceRef.open(root / "out")


def test_everything_is_seen_in_the_order_of_the_rows(by_identity: FaceRef):
    vectors: list[tuple[int, int]] = []
    faces = read_faces(by_identity, PlainEmbedder(), progress=lambda *state: vectors.append(state))
    assert faces.image_ids.tolist() == [
        image_id
        for split in ("train", "val", "test")
        for image_id in by_identity.column(split, "image_id")
    ]
    assert (faces.thumbnails.shape, faces.thumbnails.dtype) == ((36, 16, 16, 3), np.uint8)
    assert np.allclose(
        faces.embeddings,
        PlainEmbedder().embed(
            np.concatenate([by_identity.images(split) for split in ("train", "val", "test")])
        ),
        atol=1e-6,
    )
    assert not set(faces.of("train").people) & set(faces.of("val", "test").people)
    assert vectors[-1] == (36, 36)


def test_the_encoder_of_a_build_can_be_trained_again(by_identity: FaceRef, tmp_path: Path):
    faces = read_faces(by_identity, PlainEmbedder())
    recorded = by_identity.manifest["lr_encoder"]
    schedule = Schedule(seed=by_identity.manifest["seed"])
    train, val = (faces.of(split).labelled() for split in ("train", "val"))
    report = train_encoder(train, val, tmp_path / "e.safetensors", schedule)
    assert {**report, "sha256": file_sha256(tmp_path / "e.safetensors")} == recorded
    assert file_sha256(by_identity.root / LR_ENCODER) == recorded["sha256"]


def test_refs_lr_are_what_the_encoder_retrieves(by_identity: FaceRef):
    faces = read_faces(by_identity, PlainEmbedder())
    encoder = load_encoder(
        by_identity.root / LR_ENCODER, sha256=by_identity.manifest["lr_encoder"]["sha256"]
    )
    vectors = embed_lr(encoder, faces.thumbnails)
    places = {image_id: row for row, image_id in enumerate(faces.image_ids.tolist())}
    for row in by_identity.rows("test"):
        probe = vectors[places[row["image_id"]]]
        for reference in row["refs_lr"]:
            score = probe @ faces.embeddings[places[reference["image_id"]]]
            assert reference["score"] == pytest.approx(float(score), abs=2e-4)


def test_a_cache_is_of_one_set(by_identity: FaceRef, tiny_build: Path, tmp_path: Path):
    cache = tmp_path / "faces.npz"
    first = read_faces(by_identity, PlainEmbedder(), cache=cache)
    again = read_faces(by_identity, None, cache=cache)
    assert np.array_equal(first.embeddings, again.embeddings)
    assert again.people.tolist() == first.people.tolist()
    with pytest.raises(FaceRefError, match="another set"):
        read_faces(FaceRef.open(tiny_build), PlainEmbedder(), cache=cache)
    cache.write_bytes(b"nothing of the kind")
    with pytest.raises(FaceRefError, match="Delete it"):
        read_faces(by_identity, None, cache=cache)


def test_only_the_embedder_of_the_build_will_do(by_identity: FaceRef, tmp_path: Path):
    with pytest.raises(FaceRefError, match="made with the embedder"):
        read_faces(by_identity, _OtherEmbedder())
    with pytest.raises(FaceRefError, match="give the embedder"):
        read_faces(by_identity, None, cache=tmp_path / "none.npz")
