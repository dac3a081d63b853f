"""Installed packages against what Face_Ref asks for, and wheels that overwrite each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import metadata

from faceref.doctor.diagnosis import Fault

OURS = "face-ref"
RIVALS = (
    ("faiss-gpu", "faiss-cpu", "faiss-gpu-cu11", "faiss-gpu-cu12"),
    (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
    ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    ("dlib-bin", "dlib"),
)
"""Wheels that bring the same module: any one will do, and two break each other."""


def installed() -> dict[str, str]:
    """Versions of all distributions by their normalised name (PEP 503)."""
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    return found


def requirements() -> list[str]:
    """What Face_Ref's own metadata asks for; empty where it is run without being installed."""
    try:
        return metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:
        return []


def needed(asked: Iterable[str]) -> list[tuple[str, str]]:
    """Names and version bounds, such as `>=2.6`, of what `asked` needs on this machine."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = []
    for text in asked:
        one = Requirement(text)
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            found.append((canonicalize_name(one.name), str(one.specifier)))
    return found


def faults(have: Mapping[str, str], asked: Iterable[str], device: str) -> list[Fault]:
    """What is missing, too old, or installed beside its rival."""
    found = [fault for group in RIVALS if (fault := _clash(group, have, device))]
    if "packaging" not in have:
        return [*found, Fault("packaging is not installed.", "pip install packaging")]
    wanted = (_unmet(name, bound, have) for name, bound in needed(asked))
    return [*found, *filter(None, wanted)]


def _unmet(name: str, bound: str, have: Mapping[str, str]) -> Fault | None:
    from packaging.specifiers import SpecifierSet

    given = next((each for each in _group(name) if each in have), None)
    if given is None:
        return Fault(f"{name} is not installed.", f"pip install '{name}{bound}'")
    if given == name and not SpecifierSet(bound).contains(have[name], prereleases=True):
        what = f"{name} {have[name]} is installed, and {bound} is needed."
        return Fault(what, f"pip install -U '{name}{bound}'")
    return None


def _group(name: str) -> tuple[str, ...]:
    return next(((name, *group) for group in RIVALS if name in group), (name,))


def _clash(group: tuple[str, ...], have: Mapping[str, str], device: str) -> Fault | None:
    found = [name for name in group if name in have]
    if len(found) < 2:
        return None
    on_device = [name for name in found if ("gpu" in name) == (device == "cuda")]
    keep = next(iter(on_device), found[0])
    return Fault(
        f"{' and '.join(found)} are both installed: they write the same module, and which one is "
        "imported is chance.",
        f"pip uninstall -y {' '.join(found)} && pip install {keep}",
    )
