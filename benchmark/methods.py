"""The registry of methods: one file each in `baselines/`, and the entry points of other packages.

Each is imported when asked for, never before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import outside
from faceref.errors import FaceRefError, unknown_choice

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).resolve().parents[1] / "baselines"


@dataclass(frozen=True)
class Variant:
    """A method with a part changed, for ablations: `msrnet-no-remap` is `no-remap` of `msrnet`."""

    name: str
    """Without the method's: `no-remap`."""
    build: Callable[[], nn.Module]
    """As `Method.build`."""
    uses_references: bool = True
    """Whether the output depends on `refs`."""
    idea: str = ""
    """What the change tries or takes away, in a few words."""


@dataclass(frozen=True)
class Method:
    """One way to enlarge a face.

    `build()` gives a module whose `forward(lr, refs)` takes `lr` (N, 3, 16, 16) and `refs`
    (N, K, 3, 128, 128), float32 RGB in [0, 1], K from 0 up, and returns (N, 3, 128, 128) in the
    same range, not necessarily clamped.
    """

    name: str
    """As the file: `edsr`."""
    title: str
    """As papers write it: `EDSR`."""
    paper: str
    """Authors, venue, year; or what it is."""
    build: Callable[[], nn.Module]
    uses_references: bool
    """Whether the output depends on `refs`."""
    trained: bool
    """Whether it has parameters to train."""
    needs_references: bool = False
    """Whether it cannot do without: K = 0 is an error."""
    most_references: int | None = None
    """References beyond this many are not given to it; None takes any number."""
    criterion: Callable[[], nn.Module] | None = None
    """Gives the loss, `forward(output, hr)`, where it is not L1; then the last weights are kept.

    The module may learn: it is trained by itself, and its state is saved with the checkpoint."""
    variants: tuple[Variant, ...] = ()
    """The method with parts changed, which `load` finds as `<name>-<variant>`."""


def built_in() -> list[str]:
    """Names of the methods of this package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem[0] != "_")


def names() -> list[str]:
    """Names of all methods, those of other packages too, sorted; imports none of them."""
    return sorted({*built_in(), *outside.offered()})


def load(name: str) -> Method:
    """Import the method `name`, or a variant of one.

    Raises FaceRefError for an unknown one, and for one of another package that does not keep to
    `benchmark.outside`.
    """
    known = names()
    stem, _, variant = (name, "", "") if name in known else name.partition("-")
    if stem not in known:
        raise unknown_choice("method", name, known)
    method = _outside(stem) if stem in outside.offered() else _built_in(stem)
    return method if name == stem else _varied(method, name, variant)


def load_all() -> tuple[list[Method], list[FaceRefError]]:
    """Every method that can be imported, and for each other one why it cannot."""
    found, broken = [], []
    for name in names():
        try:
            found.append(load(name))
        except FaceRefError as error:
            broken.append(error)
    return found, broken


def origin(name: str) -> str:
    """Where a method comes from: `built in`, or the package and its version."""
    packages = package_of(name).items()
    return ", ".join(" ".join(package) for package in packages) or "built in"


def package_of(name: str) -> dict[str, str]:
    """Name and version of the package that brings a method; empty for a built-in one."""
    stem = name if name in names() else name.partition("-")[0]
    return {entry.package: entry.version for entry in outside.offered().get(stem, [])}


def _built_in(name: str) -> Method:
    method = getattr(importlib.import_module(f"baselines.{name}"), "METHOD", None)
    if not isinstance(method, Method) or method.name != name:
        raise FaceRefError(f"baselines/{name}.py must define METHOD = Method({name!r}, ...).")
    return method


def _outside(name: str) -> Method:
    entry = outside.only(name, built_in())
    method = entry.load()
    if not isinstance(method, Method):
        raise FaceRefError(
            f"{entry}: {entry.target} is {type(method).__name__!r}, expected a "
            "benchmark.methods.Method. Mend the package or uninstall it."
        )
    if method.name != name:
        raise FaceRefError(
            f"{entry}: {entry.target} calls itself {method.name!r}, its entry point {name!r}. "
            "Give both one name, or uninstall the package."
        )
    return method


def variants(method: Method) -> list[str]:
    """Names under which `load` finds the variants of `method`."""
    return [f"{method.name}-{variant.name}" for variant in method.variants]


def _varied(method: Method, name: str, wanted: str) -> Method:
    found = next((variant for variant in method.variants if variant.name == wanted), None)
    if found is None:
        raise unknown_choice("method", name, [method.name, *variants(method)])
    return replace(
        method,
        name=name,
        title=f"{method.title}, {wanted.replace('-', ' ')}",
        build=found.build,
        uses_references=found.uses_references,
        variants=(),
    )
