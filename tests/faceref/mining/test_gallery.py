"""References for faces that are no part of the set."""

from pathlib import Path

import pytest

from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.images import thumbnail
from faceref.mining.gallery import Gallery
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people


class Looser(PlainEmbedder):
    """Finds faces with other settings than the build did, and embeds them as it did."""

    def provenance(self) -> dict:
        """A name and a size of detection."""
        return {"name": "plain", "det_size": 640, "models": {"detection": {"sha256": "x"}}}


class Other(PlainEmbedder):
    """Another model."""

    def provenance(self) -> dict:
        """Another SHA-256."""
        return {"name": "plain", "models": {"recognition": {"sha256": "x"}}}


def _set(tmp_path: Path, likeness: str) -> Path:
    recipe = Recipe(Mining(4, likeness_lr=likeness), SplitRule(0.2, 0.2))
    build(folder(write_people(tmp_path / "people")), PlainEmbedder(), tmp_path / "set", recipe)
    return tmp_path / "set"


@pytest.mark.case("E29")
def test_a_set_by_identity_needs_what_embeds_as_its_build_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root = _set(tmp_path, "identity")
    faces, gallery = FaceRef.open(root), Gallery(root, Looser())
    count = faces.count("train")
    assert f"Embedding the pool: {count}/{count}" in capsys.readouterr().err
    small = thumbnail(faces.images("test")[0])[None]
    listed = faces.references(faces.column("test", "image_id")[0])
    wanted = [one.image_id for one in listed]
    # A set also leaves out what may show the same person.
    found = [one.image_id for one in gallery.find(small, 30)[0] if one.image_id in wanted]
    assert found == wanted
    for given, said in ((None, "; or a set"), (Other(), r" \(others were given\)")):
        with pytest.raises(FaceRefError, match=f"give --embedder plain, the same models{said}"):
            Gallery(root, given)


def test_a_set_by_both_likenesses_is_searched_by_both(tmp_path: Path):
    """The weights are of the pool alone, so scores are near those of the lists, not the same."""
    root = _set(tmp_path, "both")
    faces, gallery = FaceRef.open(root), Gallery(root, PlainEmbedder())
    for image_id, face in zip(faces.column("test", "image_id"), faces.images("test"), strict=True):
        listed = faces.references(image_id)
        found = {one.image_id: one.score for one in gallery.find(thumbnail(face)[None], 99)[0]}
        assert [found[one.image_id] for one in listed] == pytest.approx(
            [one.score for one in listed], abs=0.01
        )
    with pytest.raises(FaceRefError, match=r"by both.*give --embedder plain"):
        Gallery(root)
