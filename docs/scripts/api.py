"""The Python API for mkdocstrings: every exported name, grouped by the module that defines it."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

from faceref.errors import FaceRefError


def api_reference(package: ModuleType) -> str:
    """Every name of `package.__all__`, functions first, under the subject of its module.

    Raises:
        FaceRefError: Where a name has no docstring, or a public method of a class has none.
    """
    missing = undocumented(package)
    if missing:
        raise FaceRefError(f"{package.__name__}: no docstring: {', '.join(missing)}. Write one.")
    lines = []
    for module, names in _groups(package).items():
        lines.append(f"## {_subject(module)}")
        lines += [f"::: {package.__name__}.{name}" for name in names]
    return "\n\n".join(lines) + "\n"


def undocumented(package: ModuleType) -> list[str]:
    """Exported names without a docstring, and public methods of exported classes without one."""
    found = []
    for name in package.__all__:
        value = getattr(package, name)
        if not value.__doc__:
            found.append(name)
        if inspect.isclass(value):
            methods = [key for key, each in vars(value).items() if _is_method(key, each)]
            found += [f"{name}.{key}" for key in methods if not getattr(value, key).__doc__]
    return found


def _is_method(name: str, value: object) -> bool:
    kinds = (classmethod, staticmethod, property)
    return name[0] != "_" and (inspect.isfunction(value) or isinstance(value, kinds))


def _groups(package: ModuleType) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in package.__all__:
        groups.setdefault(getattr(package, name).__module__, []).append(name)
    return dict(sorted(groups.items(), key=lambda group: (".api." not in group[0], group[0])))


def _subject(module: str) -> str:
    """The first line of the module's docstring."""
    text = importlib.import_module(module).__doc__ or module
    return text.splitlines()[0].rstrip(".")
