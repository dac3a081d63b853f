"""Build Face_Ref: look-alike reference faces of other people, for face super-resolution.

Example:
    >>> import faceref
    >>> faces = faceref.open("face_ref")
    >>> best = faces.references(faces.column("test", "image_id")[0])[0]
    >>> faces.image(best.image_id).shape
    (128, 128, 3)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from faceref.errors import FaceRefError

if TYPE_CHECKING:
    from faceref.api.build import build, certify, check_source, list_sources, load, open
    from faceref.api.share import archive, hydrate, publish, remove, verify
    from faceref.api.tools import diagnose, sample, synth
    from faceref.dataset.face_ref import FaceRef
    from faceref.release.hydrate import IncompleteError

__all__ = [
    "FaceRef",
    "FaceRefError",
    "IncompleteError",
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

_WHERE = {
    "FaceRef": "faceref.dataset.face_ref",
    "IncompleteError": "faceref.release.hydrate",
    "archive": "faceref.api.share",
    "build": "faceref.api.build",
    "certify": "faceref.api.build",
    "check_source": "faceref.api.build",
    "diagnose": "faceref.api.tools",
    "hydrate": "faceref.api.share",
    "list_sources": "faceref.api.build",
    "load": "faceref.api.build",
    "open": "faceref.api.build",
    "publish": "faceref.api.share",
    "remove": "faceref.api.share",
    "sample": "faceref.api.tools",
    "synth": "faceref.api.tools",
    "verify": "faceref.api.share",
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    """A name of the API, imported when it is first used: `import faceref` loads no library."""
    if name not in _WHERE:
        raise AttributeError(f"module 'faceref' has no attribute {name!r}")
    found = getattr(import_module(_WHERE[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The API, for completion."""
    return sorted([*__all__, "__version__"])
