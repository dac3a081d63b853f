"""What code a method is: a digest of its source files, kept with each training."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmark.methods.entry_points import offered
from benchmark.methods.method import Method


def source_digest(method: Method) -> str:
    """SHA-256 of the source files of a method.

    They are the module that defines its `METHOD`, and what that imports of its own package, to the
    last: networks, layers, losses. `benchmark`, torch and other packages do not count.

    Args:
        method: See `benchmark.methods.registry.load_method`.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> from benchmark.methods.registry import load_method
        >>> len(source_digest(load_method("srcnn")))
        64
    """
    found = hashlib.sha256()
    for name, path in sorted(_files(_defining(method.name)).items()):
        found.update(f"{name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _defining(method: str) -> str:
    """Name of the module that defines a method, or the method of a variant."""
    stem = method.partition("-")[0]
    outside = offered().get(stem)
    return outside[0].entry.module if outside else f"baselines.{stem}"


def _files(first: str) -> dict[str, Path]:
    """Source files by module: the `first`, and what it imports of its own package."""
    package = first.partition(".")[0]
    root = _root(package)
    found: dict[str, Path] = {}
    left = [first]
    while left:
        name = left.pop()
        path = _source(root, name)
        if path is None or name in found:
            continue
        found[name] = path
        inside = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported = _imports(ast.parse(path.read_bytes()), inside)
        left += [one for one in imported if one.partition(".")[0] == package]
    return found


def _root(package: str) -> Path:
    """Folder that a package, or a module that is one file, is imported from."""
    module = sys.modules[package]
    places = [*getattr(module, "__path__", [])] or [str(module.__file__)]
    return Path(places[0]).parent


def _source(root: Path, module: str) -> Path | None:
    """File of a module; None where it is no Python file, such as a name that a module defines."""
    place = root.joinpath(*module.split("."))
    files = place / "__init__.py", place.with_name(f"{place.name}.py")
    return next((file for file in files if file.is_file()), None)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Modules, and names in them, that a module in `package` imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield module
            yield from (f"{module}.{one.name}" for one in node.names)
