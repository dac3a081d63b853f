from pathlib import Path

import pytest
from PIL import Image

from faceref.mine import Mining
from faceref.pipeline import Recipe, build
from faceref.sources.folder import folder
from faceref.split import SplitRule
from tests.faceref.fakes import PlainEmbedder, write_people


@pytest.fixture(scope="session")
def tiny_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Face_Ref built from smooth pictures of twelve people, one of them black."""
    root = tmp_path_factory.mktemp("build")
    people = write_people(root / "people")
    Image.new("RGB", (128, 128)).save(people / "person_00" / "black.png")
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    build(folder(people), PlainEmbedder(), root / "out", recipe)
    return root / "out"
