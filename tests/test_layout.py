"""The rules of the layout: layers, no circles, no logic in `cli/`, folders one can take in."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmark
import faceref

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("faceref", "benchmark", "baselines")
MOST_MODULES = 20
"""A folder, `__init__.py` not counted."""
REGISTRY = "baselines"
"""One file a method, found by its name: nobody has to know them all."""
CLI_MAY_IMPORT = (
    "benchmark",
    "benchmark.cli",
    "faceref",
    "faceref.cli",
    "faceref.console",
    "faceref.errors",
)


def _module(path: Path) -> str:
    name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


MODULES = {_module(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, but what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not for_types:
            yield child
            yield from _nodes(child)


def _imports(name: str) -> set[str]:
    """Modules of ours that a module imports, at its top or in a function."""
    found = set()
    for node in _nodes(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {one for one in found if one.split(".")[0] in PACKAGES and one != name}


IMPORTS = {name: _imports(name) for name in MODULES}


def _circle(arrows: dict[str, set[str]]) -> list[str]:
    """Names on a circle of arrows, or on a way to one."""
    left = dict(arrows)
    while True:
        ends = {name for name, others in left.items() if not others & set(left)}
        if not ends:
            return sorted(left)
        left = {name: others for name, others in left.items() if name not in ends}


def _folder(name: str) -> str:
    """The folder of a module; modules right below a package stand for themselves."""
    path = MODULES[name].relative_to(ROOT)
    return name if len(path.parts) == 2 else path.parent.as_posix()


def test_faceref_knows_nothing_of_the_benchmark():
    wrong = {
        (name, one)
        for name, others in IMPORTS.items()
        if name.split(".")[0] == "faceref"
        for one in others
        if one.split(".")[0] != "faceref"
    }
    assert not wrong


def test_the_benchmark_meets_methods_only_through_the_registry():
    wrong = {
        (name, one)
        for name, others in IMPORTS.items()
        if name.split(".")[0] == "benchmark"
        for one in others
        if one.split(".")[0] == "baselines"
    }
    assert not wrong


def test_there_is_no_circle_between_files():
    known = {name: others & set(MODULES) for name, others in IMPORTS.items()}
    assert _circle(known) == []


def test_there_is_no_circle_between_folders():
    arrows: dict[str, set[str]] = {}
    for name, others in IMPORTS.items():
        places = {_folder(one) for one in others if one in MODULES}
        arrows.setdefault(_folder(name), set()).update(places - {_folder(name)})
    assert _circle(arrows) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_can_be_taken_in(package: str):
    counts: dict[str, int] = {}
    for path in (ROOT / package).rglob("*.py"):
        if path.name != "__init__.py":
            folder = path.parent.relative_to(ROOT).as_posix()
            counts[folder] = counts.get(folder, 0) + 1
    counts.pop(REGISTRY, None)
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("name", sorted(name for name in MODULES if ".cli." in name))
def test_a_command_parses_calls_the_api_and_prints(name: str):
    wrong = {
        one
        for one in IMPORTS[name]
        if one not in CLI_MAY_IMPORT and not one.startswith(("faceref.cli.", "benchmark.cli."))
    }
    assert not wrong
    functions = [node for node in TREES[name].body if isinstance(node, ast.FunctionDef)]
    for node in (node for function in functions for node in ast.walk(function)):
        assert not isinstance(node, (ast.While, ast.With)), ast.unparse(node)
        if isinstance(node, ast.For):
            printed = [ast.unparse(line).startswith(("say(", "print_table(")) for line in node.body]
            assert all(printed), ast.unparse(node)


@pytest.mark.parametrize("package", [faceref, benchmark])
def test_every_name_of_the_api_says_what_it_takes_and_gives(package):
    for name in package.__all__:
        value = getattr(package, name)
        text = inspect.getdoc(value) or ""
        assert text.splitlines()[0].endswith("."), name
        if inspect.isfunction(value):
            given = set(inspect.signature(value).parameters)
            assert not given or "Args:" in text, name
            missing = {one for one in given if f"{one}:" not in text and f"{one} (" not in text}
            assert not missing, (name, missing)


@pytest.mark.parametrize("package", ["faceref", "benchmark", "baselines"])
def test_tests_mirror_the_folders(package: str):
    tests = ROOT / "tests" / package
    folders = [path.parent for path in tests.rglob("test_*.py") if path.parent != tests]
    strange = {path for path in folders if not (ROOT / package / path.relative_to(tests)).is_dir()}
    assert not strange
