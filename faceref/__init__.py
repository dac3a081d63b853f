"""Build Face_Ref: look-alike reference faces of other people, for face super-resolution.

Example:
    >>> import faceref
    >>> faces = faceref.open("face_ref")
    >>> best = faces.references(faces.column("test", "image_id")[0])[0]
    >>> faces.image(best.image_id).shape
    (128, 128, 3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from faceref.api import (
        archive,
        build,
        certify,
        check_source,
        diagnose,
        hydrate,
        list_sources,
        load,
        open,
        publish,
        remove,
        sample,
        synth,
        verify,
    )
    from faceref.dataset.face_ref import FaceRef

__all__ = [
    "FaceRef",
    "FaceRefError",
    "archive",
    "build",
    "certify",
    "check_source",
    "diagnose",
    "hydrate",
    "list_sources",
    "load",
    "open",
    "publish",
    "remove",
    "sample",
    "synth",
    "verify",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The API, imported when it is asked for: it needs numpy and pyarrow, `load` also torch."""
    if name not in __all__:
        raise AttributeError(f"module 'faceref' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module("faceref.api"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
