"""JSON files: parsed strictly, and what they lack is named."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from faceref.errors import FaceRefError
from faceref.reading.boundary import cause
from faceref.reading.shape import Shape, need_shape
from faceref.reading.text import read_text

MOST = 2**64
"""Whole numbers are smaller: what is larger, other readers of JSON would round."""


class MissingKeyError(FaceRefError, KeyError):
    """A key that a JSON file lacks; templates, too, take it for a key that is not there."""

    __str__ = Exception.__str__


class JsonObject(dict[str, Any]):
    """An object of a JSON file, which names the file where a key is asked for that it lacks."""

    _path: Path = Path()
    _way_out: str = ""

    def without(self, key: str) -> JsonObject:
        """A copy that lacks `key`."""
        found = JsonObject({name: value for name, value in self.items() if name != key})
        found._path, found._way_out = self._path, self._way_out
        return found

    def __missing__(self, key: str) -> NoReturn:
        raise MissingKeyError(f"{self._path} lacks {key!r}. {self._way_out}")


def read_json(path: Path, way_out: str, shape: Shape = dict) -> Any:
    """Parse a JSON file; objects in it are `JsonObject`.

    Refused besides what is no JSON: NaN and infinity, numbers of more than 20 digits, a key that is
    there twice, half a surrogate pair, and what is nested too deep to be parsed.

    Args:
        path: The file, in UTF-8, with or without a byte order mark.
        way_out: What to do where it cannot be used, such as `Build the set again.`
        shape: What it must look like, see `need_shape`.

    Returns:
        What the file holds.

    Raises:
        FaceRefError: One line with the file, the line or key, what is wrong, and the way out.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "set.json"
        >>> _ = path.write_text('{"format": 1}')
        >>> read_json(path, "Build it again.")["format"]
        1
    """
    found = parse_json(read_text(path, way_out), path, way_out)
    need_shape(found, shape, path, way_out)
    return found


def parse_json(text: str, path: Path, way_out: str) -> Any:
    """As `read_json`, for text that lies in the file `path`; its shape is not looked at."""
    if not text.strip():
        raise FaceRefError(f"{path} is empty. {way_out}")

    def made(pairs: list[tuple[str, Any]]) -> JsonObject:
        found = JsonObject(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _Wrong(f"has the key {twice!r} twice")
        found._path, found._way_out = path, way_out
        return found

    try:
        found = json.loads(
            text,
            object_pairs_hook=made,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_whole,
        )
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except _Wrong as error:
        raise FaceRefError(f"{path} {error}. {way_out}") from error
    except json.JSONDecodeError as error:
        raise FaceRefError(f"{path} {_where(text, error)}. {way_out}") from error
    except UnicodeEncodeError as error:
        raise FaceRefError(f"{path} holds half a letter (a lone surrogate). {way_out}") from error
    except RecursionError as error:
        raise FaceRefError(f"{path} is nested too deep. {way_out}") from error
    except (ValueError, MemoryError) as error:
        raise FaceRefError(f"{path} is no JSON ({cause(error)}). {way_out}") from error
    return found


class _Wrong(ValueError):
    """JSON that no file of ours may hold."""


def _no_number(name: str) -> NoReturn:
    raise _Wrong(f"holds {name}, which is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Wrong(f"holds {digits:.40}, which is too large a number")
    return value


def _whole(digits: str) -> int:
    if len(digits) > 21 or abs(value := int(digits)) >= MOST:
        raise _Wrong(f"holds {digits:.40}, which is too large a number")
    return value


def _where(text: str, error: json.JSONDecodeError) -> str:
    cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    if cut:
        return f"is cut off: it ends in line {text.rstrip().count(chr(10)) + 1}"
    return f"is no JSON at line {error.lineno}: {error.msg}"
