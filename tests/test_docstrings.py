"""Every `>>>` example in a docstring of the packages is run, in a folder with a set at `face_ref`.

The set is made by the example of `faceref.build`, in `sample_build`. Examples may use `faceref`,
`benchmark` and `faces`, the set, opened; what they write stays in their folder. SRCNN is a narrow
one here, and `adapt` tries one penalty: no example prints what depends on it.
"""

import doctest
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import baselines.srcnn
import benchmark
import faceref
from benchmark.memory import regression
from faceref.dataset.face_ref import FaceRef
from tests.benchmark.narrow import NARROW
from tests.docstring_examples import BUILD, examples, run

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("faceref", "benchmark")


def _modules() -> Iterator[str]:
    """Names of the modules with an example, none of them imported."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.slow
@pytest.mark.parametrize("name", _modules())
def test_the_examples_are_right(
    name: str, sample_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = examples(importlib.import_module(name))
    assert found
    monkeypatch.setenv("FACEREF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(baselines.srcnn, "METHOD", NARROW)
    monkeypatch.setattr(regression, "PENALTIES", (0.1,))
    for place, example in enumerate(found):
        if example.name != BUILD:
            folder = tmp_path / str(place)
            shutil.copytree(sample_build, folder)
            monkeypatch.chdir(folder)
            faces = FaceRef.open("face_ref")
            assert not run(example, faceref=faceref, benchmark=benchmark, faces=faces)


@pytest.mark.parametrize("text", [">>> 1 + 1\n3\n", ">>> 1 / 0\n"])
def test_a_wrong_example_is_found(text: str):
    example = doctest.DocTestParser().get_doctest(text, {}, "wrong", None, None)
    assert run(example)
