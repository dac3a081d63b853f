"""Packages that only some metrics need."""

from __future__ import annotations

import importlib.util

from faceref.errors import FaceRefError


def need_package(name: str) -> None:
    """Raise FaceRefError, saying how to install it, where the package `name` is missing."""
    if importlib.util.find_spec(name) is None:
        raise FaceRefError(
            f"Not available: this metric needs the package {name}. "
            "Install it: pip install 'face-ref[metrics]'"
        )
