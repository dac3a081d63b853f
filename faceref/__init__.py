"""Build Face_Ref: look-alike reference faces of other people, for face super-resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceref.dataset.torch_dataset import load

__all__ = ["load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`faceref.load`, imported when it is asked for: it needs torch."""
    if name == "load":
        from importlib import import_module

        return import_module("faceref.dataset.torch_dataset").load
    raise AttributeError(f"module 'faceref' has no attribute {name!r}")
