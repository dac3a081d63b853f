"""Build, publish the index, hydrate elsewhere from the source alone, certify: the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from faceref.audit.leaks import audit
from faceref.dataset.face_ref import FaceRef
from faceref.embed.base import Embedder
from faceref.embed.registry import open_embedder
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.release.format import INDEX
from faceref.release.hydrate import hydrate
from faceref.release.make import Wish
from faceref.release.policy import Licence
from faceref.release.publish import publish
from faceref.release.verify import verify
from faceref.sources.base import Choices, Source
from faceref.sources.celeba import celeba
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.faceref.layouts import faces, write_celeba
from tests.hub.server import Hub
from tests.test_real_sources import write_real_celeba

REPO = "me/set"
STATED = Licence("cc-by-4.0")
RECIPE = Recipe(Mining(references=8), SplitRule(0.2, 0.2))
WHO_IS_WHO = {"near_duplicates.parquet", "label_noise.parquet"}


def _files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _there_and_back(
    source: Source,
    embedder: Embedder,
    root: Path,
    recipe: Recipe,
    licence: Licence | None,
) -> set[str]:
    """The files of the set that hydrating could not make; all others have the same bytes."""
    build(source, embedder, root / "set", recipe)
    publish(root / "set", Wish(REPO, INDEX, licence, "v1"))
    index = root / "index"
    snapshot_download(REPO, repo_type="dataset", revision="v1", local_dir=index)
    done = hydrate(index, source, root / "elsewhere")
    before, after = _files(root / "set"), _files(root / "elsewhere")
    assert done.differing == []
    assert {name: before.get(name) for name in after} == after
    assert not list(verify(root / "elsewhere"))
    assert not list(audit(FaceRef.open(root / "elsewhere"), embedder))
    return set(before) - set(after)


def test_a_folder(hub: Hub, tmp_path: Path):
    source = folder(write_people(tmp_path / "people"))
    assert not _there_and_back(source, PlainEmbedder(), tmp_path, RECIPE, STATED)


def test_celeba(hub: Hub, tmp_path: Path):
    given = [replace(face, identity=face.identity + 9000) for face in faces(people=16)]
    published = write_celeba(tmp_path / "celeba", given)
    source = celeba(Choices(tmp_path / "celeba"), published)
    assert _there_and_back(source, PlainEmbedder(), tmp_path, RECIPE, None) == WHO_IS_WHO


@pytest.fixture
def embedder(real_data: Path) -> Embedder:
    pack = real_data / "models" / "arcface_small"
    return open_embedder("insightface", pack=str(pack), det_size=320)


@pytest.mark.real
def test_part_of_lfw(hub: Hub, real_data: Path, embedder: Embedder, tmp_path: Path):
    (tmp_path / "faces").mkdir()
    people = sorted((real_data / "data" / "lfw-deepfunneled").iterdir())
    for person in [path for path in people if path.is_dir()][:150]:
        (tmp_path / "faces" / person.name).symlink_to(person)
    source = folder(tmp_path / "faces")
    assert not _there_and_back(source, embedder, tmp_path, Recipe(), STATED)


@pytest.mark.real
def test_real_faces_in_celeba_s_layout(
    hub: Hub, real_data: Path, embedder: Embedder, tmp_path: Path
):
    published = write_real_celeba(real_data, embedder, tmp_path / "celeba")
    source = celeba(Choices(tmp_path / "celeba"), published)
    assert _there_and_back(source, embedder, tmp_path, Recipe(), None) == WHO_IS_WHO
