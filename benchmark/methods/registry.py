"""The registry of methods: one file each in `baselines/`, and the entry points of other packages.

Each is imported when asked for, never before.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

from benchmark.methods import entry_points as outside
from benchmark.methods.method import Method, variants
from benchmark.methods.names import is_title, need_plain_name
from faceref.errors import FaceRefError, unknown_choice

FOLDER = Path(__file__).resolve().parents[2] / "baselines"


def built_in() -> list[str]:
    """Names of the methods of this package, sorted."""
    found = [path.stem for path in FOLDER.glob("*.py")]
    found += [path.parent.name for path in FOLDER.glob("*/__init__.py")]
    return sorted(name for name in found if name[0] != "_")


def method_names() -> list[str]:
    """Names of all methods, those of other packages too, sorted; imports none of them."""
    return sorted({*built_in(), *outside.offered()})


def load_method(name: str) -> Method:
    """Import a method, or a variant of one.

    Args:
        name: Such as `msrnet`, or `msrnet-no-error` for a variant.

    Returns:
        The method; `build()` makes its network.

    Raises:
        FaceRefError: For an unknown name, and for a method of another package that does not keep
            to `benchmark.methods.entry_points`.

    Example:
        >>> load_method("edsr").title
        'EDSR'
    """
    known = method_names()
    stem, _, variant = (name, "", "") if name in known else name.partition("-")
    if stem not in known:
        error = unknown_choice("method", name, known)
        raise FaceRefError(
            f"{error} One of your own is a file in baselines/ of a checkout, or a package with an "
            f"entry point {outside.GROUP!r} that is installed."
        )
    method = _outside(stem) if stem in outside.offered() else _built_in(stem)
    return method if name == stem else _varied(method, name, variant)


def is_method(name: str) -> bool:
    """Whether `load_method` finds `name`."""
    try:
        load_method(name)
    except FaceRefError:
        return False
    return True


def load_methods() -> tuple[list[Method], list[FaceRefError]]:
    """Every method that can be imported, and for each other one why it cannot."""
    found, broken = [], []
    for name in method_names():
        try:
            found.append(load_method(name))
        except FaceRefError as error:
            broken.append(error)
    return found, broken


def need_scale(method: Method, scale: int) -> None:
    """Raise FaceRefError where `method` does not super-resolve by `scale`; names those that do."""
    if scale in method.scales:
        return
    able = [one.name for one in load_methods()[0] if scale in one.scales]
    known = ", ".join(f"x{one}" for one in method.scales)
    raise FaceRefError(
        f"{method.name} super-resolves by {known}, not by x{scale}. "
        f"Methods for x{scale}: {', '.join(able) or 'none'}. Or score images that were made "
        "elsewhere: --predictions DIR."
    )


def need_free_name(name: str) -> None:
    """Raise FaceRefError for a name that is not plain, or that a method of the registry has.

    Capitals make no difference: some file systems would put both in one folder.
    """
    need_plain_name(name)
    low = name.lower()
    stem = low if low in method_names() else low.partition("-")[0]
    taken = stem in method_names() and (
        low == stem or any(low == one.lower() for one in variants(load_method(stem)))
    )
    if taken:
        raise FaceRefError(
            f"{name!r} is a method of the benchmark, and its results are that method's. Give yours "
            f"another name, such as {'my-' + name!r}."
        )


def origin(name: str) -> str:
    """Where a method comes from: `built in`, or the package and its version."""
    packages = package_of(name).items()
    return ", ".join(" ".join(package) for package in packages) or "built in"


def package_of(name: str) -> dict[str, str]:
    """Name and version of the package that brings a method; empty for a built-in one."""
    stem = name if name in method_names() else name.partition("-")[0]
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
            "benchmark.Method. Mend the package or uninstall it."
        )
    if not is_title(method.title):
        raise FaceRefError(
            f"{entry}: {entry.target} has the title {method.title[:40]!r}, expected one short "
            "line. Mend the package or uninstall it."
        )
    if method.name != name:
        raise FaceRefError(
            f"{entry}: {entry.target} calls itself {method.name!r}, its entry point {name!r}. "
            "Give both one name, or uninstall the package."
        )
    return method


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
        criterion=found.criterion or method.criterion,
        variants=(),
    )
