"""Text files that are whole or not there, whatever interrupts their writing."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError


def refuse_existing(out: Path, overwrite: bool) -> None:
    """Raise FaceRefError where `out` exists and may not be replaced."""
    if out.exists() and not overwrite:
        raise FaceRefError(
            f"{out} exists already. Give --overwrite to replace it, or choose another --out."
        )


@lru_cache(maxsize=32)
def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of an encoder's file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(value: Any, path: Path) -> None:
    """Write indented JSON under a temporary name, then rename."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 under a temporary name beside `path`, then rename."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
