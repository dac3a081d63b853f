"""The wheel works alone: installed beside the dependencies, it runs in an empty folder.

The environment reaches the dependencies through a `.pth` file; the editable install there has one
of its own, which Python does not read then. HOME cannot be written, and is not needed.
"""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from faceref.dataset.face_ref import FaceRef

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("faceref", "benchmark", "baselines")
NO_HOME = "/dev/null/home"
UNNAMED = {"dlib": ["dlib-bin"]}
"""Modules whose distribution does not say that it brings them."""
PEOPLE = 6
"""Few to embed, and one is left for val and for test."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it."""
    root = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    made = ["wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--wheel-dir", str(root)]
    subprocess.run([*pip, *made], check=True)
    (wheel,) = root.glob("*.whl")
    venv.create(root / "venv", symlinks=True)
    python = str(root / "venv" / "bin" / "python")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", str(wheel)], check=True)
    (_packages(root / "venv") / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return root / "venv"


def _packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The empty folder in which all is done."""
    return tmp_path_factory.mktemp("empty")


def _run(environment: Path, folder: Path, name: str, *words: str) -> str:
    """What a command of the environment prints; fails where its exit status is not 0."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [environment / "bin" / name, *words],
        cwd=folder,
        env={**kept, "HOME": NO_HOME},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_is_what_is_imported(environment: Path, folder: Path, package: str):
    code = f"import {package}; print({package}.__file__)"
    place = Path(_run(environment, folder, "python", "-c", code).strip())
    assert place == _packages(environment) / package / "__init__.py"


@pytest.fixture(scope="module")
def built(environment: Path, folder: Path) -> FaceRef:
    """The set of some people of the embedded sample."""
    _run(environment, folder, "faceref", "sample", "--out", "people")
    for person in sorted((folder / "people").iterdir())[PEOPLE:]:
        shutil.rmtree(person)
    build = "build people --embedder dlib --val 0.2 --test 0.2 --out set"
    _run(environment, folder, "faceref", *build.split())
    return FaceRef.open(folder / "set")


@pytest.mark.slow
def test_methods_are_trained_and_ranked_and_the_page_is_written(
    environment: Path, folder: Path, built: FaceRef
):
    suite = "suite debug --face-ref set --out suite --methods bicubic,srcnn"
    _run(environment, folder, "facebench", *suite.split())
    _run(environment, folder, "facebench", "leaderboard", "suite/results")
    _run(environment, folder, "facebench", "site", "suite/results", "--out", "site")
    assert "SRCNN" in (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert "<html" in (folder / "site" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_photograph_is_upscaled_with_what_came_along(
    environment: Path, folder: Path, built: FaceRef
):
    face = Image.fromarray(built.image(built.column("test", "image_id")[0])).resize((40, 40))
    photo = Image.new("RGB", (160, 120), (120, 120, 120))
    photo.paste(face, (60, 40))
    photo.save(folder / "photo.png")
    assert "1 super-resolved" in _run(environment, folder, "facebench", "upscale", "photo.png")
    report = json.loads((folder / "upscaled" / "report.json").read_text(encoding="utf-8"))
    assert [one["method"] for one in report["networks"]] == ["sparnet_s", "msrnet"]


def _imported() -> Iterator[str]:
    """The first part of the name of every module that the packages import, at any place."""
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def _plain(name: str) -> str:
    """A name of a distribution as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_import_is_of_a_package_that_the_wheel_names(environment: Path):
    (wheel,) = (
        found
        for found in importlib.metadata.distributions(path=[str(_packages(environment))])
        if found.name == "face-ref"
    )
    named = {_plain(re.split(r"[^\w.-]", text)[0]) for text in wheel.requires or []}
    known = {**importlib.metadata.packages_distributions(), **UNNAMED}
    others = {*_imported()} - {*PACKAGES, *sys.stdlib_module_names}
    assert {"torch", "numpy", "dlib"} <= others
    assert [one for one in others if not {*map(_plain, known.get(one, [one]))} & named] == []
