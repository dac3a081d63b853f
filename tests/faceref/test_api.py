"""What `import faceref` gives: without effects, and the same as the commands."""

import ast
import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import faceref
from faceref.cli import build, release
from faceref.cli import inspect as inspecting

PACKAGE = Path(faceref.__file__).parent
PAIRS: list[tuple[Callable, Callable, set[str], set[str]]] = [
    (build.build, faceref.build, {"no_checksums"}, {"checksums", "progress"}),
    (build.synth, faceref.synth, set(), set()),
    (build.sample, faceref.sample, set(), set()),
    (build.sources, faceref.check_source, set(), set()),
    (inspecting.certify, faceref.certify, {"path", "show"}, {"faces", "progress"}),
    (inspecting.doctor, faceref.diagnose, {"as_json"}, set()),
    (inspecting.inspect, faceref.FaceRef.sheet, {"path", "sheet", "attributes"}, {"self", "out"}),
    (release.publish, faceref.publish, {"path"}, {"faces"}),
    (release.hydrate, faceref.hydrate, set(), {"progress"}),
    (release.verify, faceref.verify, set(), set()),
    (release.remove, faceref.remove, {"path"}, {"faces", "progress"}),
    (release.archive, faceref.archive, {"path"}, {"faces", "progress"}),
]
"""Command, function, and the parameters that only one of them has."""


def _defaults(function: Callable) -> dict[str, Any]:
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
    }


def _known(value: Any) -> Any:
    """A default in the words of a command."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value) if isinstance(value, Path) else value


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[1].__name__)
def test_commands_and_functions_have_the_same_options(
    pair: tuple[Callable, Callable, set[str], set[str]],
):
    command, function, only_command, only_function = pair
    given, taken = _defaults(command), _defaults(function)
    assert set(given) - set(taken) == only_command
    assert set(taken) - set(given) == only_function
    required = inspect.Parameter.empty
    for name in given.keys() & taken.keys() - {"out", "name"}:
        assert _known(given[name]) == _known(taken[name]), name
        assert (given[name] is required) == (taken[name] is required), name


def test_importing_it_imports_nothing_heavy():
    code = (
        "import faceref, sys; heavy = {'numpy', 'torch', 'pyarrow', 'pandas', 'typer'}\n"
        "assert not heavy & set(sys.modules); assert 'build' in dir(faceref)\n"
        "assert not heavy & set(sys.modules); faceref.open\n"
        "assert not {'torch', 'pandas', 'cv2', 'faiss', 'datasets'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_all_that_it_names_is_there_and_typed():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(faceref.__all__) <= imported
    assert (PACKAGE / "py.typed").is_file()
    for name in faceref.__all__:
        assert getattr(faceref, name).__doc__, name
    assert set(faceref.__all__) <= set(dir(faceref))
    with pytest.raises(AttributeError, match="biuld"):
        faceref.biuld  # noqa: B018


def test_a_set_is_given_open_or_as_a_path(tiny_build: Path):
    opened = faceref.open(str(tiny_build))
    for given in (opened, tiny_build, str(tiny_build)):
        assert faceref.certify(given) == []
        assert faceref.verify(given) == []
        assert len(faceref.load(given, "test", references=1)) == opened.count("test")


def test_faults_are_listed(tiny_build: Path, tmp_path: Path):
    import shutil

    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    next((root / "data").glob("test-*")).write_bytes(b"PAR1")
    assert len(faceref.verify(root)) == 1


def test_removing_takes_ids_or_a_file_of_them(tiny_build: Path, tmp_path: Path):
    import shutil

    first, second = faceref.open(tiny_build).column("train", "image_id")[:2]
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    assert faceref.remove(root, [first]).manifest["version"] == 2
    (tmp_path / "ids.txt").write_text(second)
    assert faceref.remove(faceref.open(root), tmp_path / "ids.txt").manifest["version"] == 3
    left = faceref.open(root).to_pandas()["image_id"]
    assert not left.isin([first, second]).any()


def test_a_wrong_value_names_the_choices(tmp_path: Path):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"device": "gpu"}, "cpu, cuda"),
        ({"executor": "rey"}, "Did you mean 'ray'"),
        ({"source": "celebb"}, "Did you mean 'celeba'"),
        ({"embedder": "dlb"}, "Did you mean 'dlib'"),
    ]
    for given, words in wrong:
        with pytest.raises(faceref.FaceRefError, match=words):
            faceref.build(**{"source": "sample", **given}, out=tmp_path / "set", progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"references": 2.5}, "--references 2.5: a whole number, 1 or more"),
        ({"diversity": "2"}, "--diversity '2': a whole number"),
        ({"seed": -1}, "--seed -1: a whole number, from 0"),
        ({"workers": -1}, "--workers -1: a whole number, 0 or more"),
        ({"likeness_hr": "Identity"}, "Unknown likeness 'Identity'. Did you mean 'identity'"),
        ({"likeness_lr": None}, "Unknown likeness None"),
        ({"embedder": None}, "None"),
    ],
)
def test_wrong_values_are_refused_before_the_work(tmp_path: Path, options: dict, message: str):
    given = {"embedder": "dlib", **options}
    with pytest.raises(faceref.FaceRefError, match=message):
        faceref.build(source="sample", out=tmp_path / "set", **given)
    assert not list(tmp_path.iterdir())


def test_a_text_is_one_image_or_the_file_of_several(tiny_build: Path, tmp_path: Path):
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    first, second, third = faceref.open(root).column("train", "image_id")[:3]
    assert faceref.remove(root, first).images == 1
    file = tmp_path / "ids.txt"
    file.write_text(f"{second}\n{third}\n", encoding="utf-8")
    assert faceref.remove(root, str(file)).images == 2
    with pytest.raises(faceref.FaceRefError, match="'nobody'"):
        faceref.remove(root, "nobody")
    assert faceref.archive(root, tmp_path / "a.tar", splits="val", progress=False).splits


def test_the_sample_is_not_mixed_with_other_images(tmp_path: Path):
    killed = tmp_path / "people" / "p011" / ".p011_0.jpg.1.tmp"
    killed.mkdir(parents=True)
    (killed / "p011_0.jpg").touch()
    assert faceref.sample(tmp_path / "people") == 384
    assert faceref.sample(tmp_path / "people") == 384
    (tmp_path / "mine.png").touch()
    with pytest.raises(faceref.FaceRefError, match=r"holds other files, such as mine\.png"):
        faceref.sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.png", "people"]
