from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.base import Choices
from faceref.sources.celeba import celeba
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.faceref.layouts import faces, write_celeba


@pytest.fixture(scope="session")
def tiny_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Face_Ref built from smooth pictures of twelve people, one of them black."""
    root = tmp_path_factory.mktemp("build")
    people = write_people(root / "people")
    Image.new("RGB", (128, 128)).save(people / "person_00" / "black.png")
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    build(folder(people), PlainEmbedder(), root / "out", recipe)
    return root / "out"


@pytest.fixture(scope="session")
def celeba_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Face_Ref from CelebA's layout: 16 people, one picture under two labels, one unreadable."""
    root = tmp_path_factory.mktemp("celeba")
    given = [replace(face, identity=face.identity + 9000) for face in faces(people=16)]
    copy, junk = replace(given[0], identity=given[3].identity), replace(given[5], image=b"junk")
    published = write_celeba(root / "celeba", [*given, copy, junk])
    source = celeba(Choices(root / "celeba"), published)
    recipe = Recipe(Mining(references=8, same_person=True), split=SplitRule(0.2, 0.2))
    build(source, PlainEmbedder(), root / "out", recipe)
    return root / "out"
