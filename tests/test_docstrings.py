"""Every `>>>` example in a docstring of the packages is run, in a folder with a set at `face_ref`.

The set is made by the first of them, that of `faceref.build`. Examples may use `faceref`,
`benchmark` and `faces`, the set, opened; what they write stays in their folder.
"""

import doctest
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import benchmark
import faceref
from faceref.dataset.face_ref import FaceRef

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("faceref", "benchmark")
BUILD = "faceref.api.build.build"


def _modules() -> Iterator[str]:
    """Names of the modules with an example, none of them imported."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _examples(module: ModuleType) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder().find(module)
    return [example for example in found if example.examples]


def _run(example: doctest.DocTest, **names: Any) -> str:
    """What is wrong with the example, as doctest says it; empty where it is right."""
    example.globs |= names
    faults: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=faults.append)
    return "".join(faults)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the set that the example of `faceref.build` makes."""
    folder = tmp_path_factory.mktemp("examples")
    (example,) = [
        each
        for each in _examples(importlib.import_module("faceref.api.build"))
        if each.name == BUILD
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert not _run(example)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", _modules())
def test_the_examples_are_right(
    name: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    examples = _examples(importlib.import_module(name))
    assert examples
    monkeypatch.setenv("FACEREF_CACHE", str(tmp_path / "cache"))
    for place, example in enumerate(examples):
        if example.name != BUILD:
            folder = tmp_path / str(place)
            shutil.copytree(built, folder)
            monkeypatch.chdir(folder)
            faces = FaceRef.open("face_ref")
            assert not _run(example, faceref=faceref, benchmark=benchmark, faces=faces)


@pytest.mark.parametrize("text", [">>> 1 + 1\n3\n", ">>> 1 / 0\n"])
def test_a_wrong_example_is_found(text: str):
    example = doctest.DocTestParser().get_doctest(text, {}, "wrong", None, None)
    assert _run(example)
