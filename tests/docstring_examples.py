"""The `>>>` examples of a module, and how one is run."""

from __future__ import annotations

import doctest
from types import ModuleType
from typing import Any

BUILD = "faceref.api.build.build"
"""Name of the one that makes the set for the others."""


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """Those of its docstrings."""
    found = doctest.DocTestFinder().find(module)
    return [example for example in found if example.examples]


def run(example: doctest.DocTest, **names: Any) -> str:
    """What is wrong with the example, as doctest says it; empty where it is right."""
    example.globs |= names
    faults: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=faults.append)
    return "".join(faults)
