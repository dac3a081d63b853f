"""Shared fixtures: real data where it is at hand, and a tiny Face_Ref made on the spot."""

from __future__ import annotations

import fcntl
import importlib
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref.dataset import store
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.base import Choices
from faceref.sources.celeba import celeba
from faceref.sources.folder import folder
from tests.docstring_examples import BUILD, examples, run
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.faceref.layouts import faces, write_celeba


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip `gpu` tests, with the reason, where there is no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="torch sees no CUDA device"))


def _data_root() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("FACEREF_DATA", default))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with `data/` and `models/`; the test is skipped where it is missing."""
    root = _data_root()
    if not (root / "data" / "lfw-deepfunneled").is_dir():
        pytest.skip(f"no real faces at {root}: set FACEREF_DATA to a folder with data/ and models/")
    return root


@pytest.fixture(scope="session")
def sample_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `face_ref`, the set of the embedded sample by dlib.

    The example of `faceref.build` makes it, once for all processes of a run: dlib takes long.
    """
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / "sample"
    folder.mkdir(exist_ok=True)
    done = root / "sample.done"
    with (root / "sample.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.chdir(folder)
        if not done.exists():
            found = examples(importlib.import_module("faceref.api.build"))
            (example,) = [each for each in found if each.name == BUILD]
            assert not run(example)
            done.touch()
    return folder


def _smooth_face(rng: np.random.Generator) -> np.ndarray:
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    fine = np.asarray(coarse.resize((128, 128), Image.Resampling.BICUBIC), np.int16)
    return np.clip(fine + rng.normal(0, 6, fine.shape), 0, 255).astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _row(split: str, index: int, image: np.ndarray, pool: list[str]) -> dict:
    image_id = f"{split}{index // 2}/{index}"
    refs = [item for item in pool if item.split("/")[0] != image_id.split("/")[0]][:8]
    scored = [{"image_id": item, "score": 1 - rank / 10} for rank, item in enumerate(refs)]
    return {
        "image_id": image_id,
        "image": {"bytes": _png(image), "path": f"{image_id}.png"},
        "sha256": "0" * 64,
        "source": "test",
        "split": split,
        "identity": image_id.split("/")[0],
        "landmarks": [0.0] * 10,
        "quality": {
            "detector_score": 1.0,
            "eye_distance": 35.0,
            "inside": 1.0,
            "faces": 1,
            "sharpness": 3.0 - index % 6,
        },
        "refs_hr": scored,
        "refs_lr": scored[::-1],
    }


@pytest.fixture(scope="session")
def tiny_face_ref(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Face_Ref of smooth random images: 24 train, 6 val, 6 test; 8 references each."""
    root = tmp_path_factory.mktemp("tiny") / "face_ref"
    root.mkdir()
    rng = np.random.default_rng(0)
    pool = [f"train{index // 2}/{index}" for index in range(24)]
    counts = {"train": 24, "val": 6, "test": 6}
    for split, count in counts.items():
        rows = [_row(split, index, _smooth_face(rng), pool) for index in range(count)]
        store.write_split(root, split, rows, count)
    store.write_rejects(root, [])
    store.write_manifest(
        root,
        {
            "format": 1,
            "image_size": 128,
            "source": "test",
            "counts": counts,
            "references": 8,
            "mining": {"likeness": {"refs_hr": "identity", "refs_lr": "appearance"}},
            "seed": 0,
            "fingerprint": "f" * 64,
        },
    )
    return root


@pytest.fixture(scope="session")
def tiny_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Face_Ref built from smooth images of twelve people, one of them black."""
    root = tmp_path_factory.mktemp("build")
    people = write_people(root / "people")
    Image.new("RGB", (128, 128)).save(people / "person_00" / "black.png")
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    build(folder(people), PlainEmbedder(), root / "out", recipe)
    return root / "out"


@pytest.fixture(scope="session")
def celeba_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Face_Ref from CelebA's layout: 16 people, one image under two labels, one unreadable."""
    root = tmp_path_factory.mktemp("celeba")
    given = [replace(face, identity=face.identity + 9000) for face in faces(people=16)]
    copy, junk = replace(given[0], identity=given[3].identity), replace(given[5], image=b"junk")
    published = write_celeba(root / "celeba", [*given, copy, junk])
    source = celeba(Choices(root / "celeba"), published)
    recipe = Recipe(Mining(references=8, same_person=True), split=SplitRule(0.2, 0.2))
    build(source, PlainEmbedder(), root / "out", recipe)
    return root / "out"
