"""What code a method is: a digest of its source files, kept with each training."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.methods.method import Method


def source_digest(method: Method) -> str:
    """SHA-256 of the source files of a method.

    They are those that define what builds it, its layers and its loss. Where they lie in a package
    of the method's own, all files beside them count, too. Those of torch do not.

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
    for path in sorted(set(_files(method)), key=lambda one: (one.name, str(one))):
        found.update(f"{path.name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _files(method: Method) -> Iterator[Path]:
    own = _module(method.build)
    layers = {type(layer).__module__ for layer in method.build().modules()}
    loss = [] if method.criterion is None else [_module(method.criterion)]
    for name in {own, *layers, *loss}:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None or name.partition(".")[0] == "torch":
            continue
        yield Path(file)
        package = name.rpartition(".")[0]
        if package.partition(".")[0] == own.partition(".")[0] and not _is_shared(package):
            yield from Path(file).parent.glob("*.py")


def _is_shared(package: str) -> bool:
    """Whether files beside each other in a package belong to different methods or subjects."""
    return package in ("", "baselines") or package.partition(".")[0] == "benchmark"


def _module(made_by: Any) -> str:
    """Name of the module of a class or function, also where some of its arguments are fixed."""
    while isinstance(made_by, partial):
        made_by = made_by.func
    return made_by.__module__
