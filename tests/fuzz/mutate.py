"""Damage to an encoded image: blind, and where its format keeps lengths, sizes and tags."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

EXTREMES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF)
EXTREMES += (0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
Field = tuple[int, int]
"""Offset and width in bytes of a number."""


def mutated(rng: np.random.Generator, kind: str, data: bytes, other: bytes) -> bytes:
    """`data` of the format `kind` with one to four kinds of damage; `other` is for splices."""
    ways: list[Callable[[bytes], bytes]] = [
        lambda data: _flipped(rng, data),
        lambda data: _overwritten(rng, data),
        lambda data: data[: _place(rng, data)],
        lambda data: _inserted(rng, data),
        lambda data: _deleted(rng, data),
        lambda data: data[: _place(rng, data)] + other[_place(rng, other) :],
        *[lambda data: _renumbered(rng, kind, data)] * 4,
    ]
    for _ in range(min(4, int(rng.geometric(0.5)))):
        data = ways[rng.integers(len(ways))](data)
    return _with_right_sums(data) if kind == "PNG" and rng.random() < 0.7 else data


def _place(rng: np.random.Generator, data: bytes) -> int:
    """Somewhere; half of the time near the beginning, where headers are."""
    end = min(len(data), 200) if rng.random() < 0.5 else len(data)
    return int(rng.integers(end + 1))


def _flipped(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.geometric(0.2)) if data else 0):
        changed[_place(rng, data) % len(data)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _run(rng: np.random.Generator) -> bytes:
    size = int(rng.integers(1, 33))
    return (b"\0" * size, b"\xff" * size, rng.bytes(size))[rng.integers(3)]


def _overwritten(rng: np.random.Generator, data: bytes) -> bytes:
    place, run = _place(rng, data), _run(rng)
    return data[:place] + run + data[place + len(run) :]


def _inserted(rng: np.random.Generator, data: bytes) -> bytes:
    place = _place(rng, data)
    return data[:place] + _run(rng) * int(rng.choice([1, 1, 1, 100])) + data[place:]


def _deleted(rng: np.random.Generator, data: bytes) -> bytes:
    place = _place(rng, data)
    return data[:place] + data[place + int(rng.integers(1, 33)) :]


def _renumbered(rng: np.random.Generator, kind: str, data: bytes) -> bytes:
    """One number of the format made extreme, random, or off by one."""
    fields = list(FIELDS[kind](data))
    if not fields:
        return data
    offset, width = fields[rng.integers(len(fields))]
    if offset + width > len(data):
        return data
    order = ">" if _big_endian(kind, data) else "<"
    form = order + {1: "B", 2: "H", 4: "I"}[width]
    (old,) = struct.unpack_from(form, data, offset)
    extreme = EXTREMES[rng.integers(len(EXTREMES))]
    new = (extreme, int(rng.integers(1 << 32)), old + int(rng.integers(-2, 3)))[rng.integers(3)]
    changed = bytearray(data)
    struct.pack_into(form, changed, offset, new & ((1 << 8 * width) - 1))
    return bytes(changed)


def _big_endian(kind: str, data: bytes) -> bool:
    return kind in ("JPEG", "PNG", "AVIF", "HEIF") or (kind == "TIFF" and data[:2] == b"MM")


def _jpeg(data: bytes) -> Iterator[Field]:
    """Marker, length and first numbers of each segment."""
    place = data.find(b"\xff", 2)
    while 0 <= place < len(data) - 4:
        if data[place + 1] not in (0, 0xFF):
            yield place + 1, 1
            yield from ((place + 2 + step, 2) for step in (0, 3, 5))
            yield from ((place + 4 + step, 1) for step in range(12))
        place = data.find(b"\xff", place + 1)


def _png(data: bytes) -> Iterator[Field]:
    """Length and name of each chunk, and all of the header."""
    yield from [(16, 4), (20, 4), *((24 + step, 1) for step in range(5))] * 3
    place = 8
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        yield from ((place, 4), (place + 4, 4), (place + 4, 1), (place + 8, 4), (place + 12, 4))
        place += size + 12


def _webp(data: bytes) -> Iterator[Field]:
    """Name, length and first numbers of each chunk."""
    yield from ((4, 4), (8, 4))
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        yield from ((place, 4), (place + 4, 4))
        yield from ((place + 8 + step, width) for step in range(0, 16, 2) for width in (1, 2, 4))
        place += 8 + size + size % 2


def _tiff(data: bytes) -> Iterator[Field]:
    """All numbers of the first directory."""
    order = "big" if data[:2] == b"MM" else "little"
    place = int.from_bytes(data[4:8], order)  # pyright: ignore[reportArgumentType]
    count = int.from_bytes(data[place : place + 2], order)  # pyright: ignore[reportArgumentType]
    yield from ((4, 4), (place, 2))
    for entry in range(place + 2, min(place + 2 + 12 * count, len(data)), 12):
        yield from ((entry, 2), (entry + 2, 2), (entry + 4, 4), (entry + 8, 4), (entry + 8, 2))


def _gif(data: bytes) -> Iterator[Field]:
    """The header, and what follows each block's introducer."""
    yield from ((6, 2), (8, 2), (10, 1), (11, 1), (12, 1))
    for place, byte in enumerate(data[13:], 13):
        if byte in (0x21, 0x2C):
            yield from ((place + step, 1) for step in range(12))


def _bmp(data: bytes) -> Iterator[Field]:
    """All numbers of the two headers."""
    yield from ((2, 4), (10, 4))
    yield from ((place, 4) for place in range(14, 70, 4))
    yield from ((26, 2), (28, 2))


def _boxes(data: bytes) -> Iterator[Field]:
    """Length, name and first numbers of every box, found by its name's four letters."""
    for place in range(4, len(data) - 4):
        if data[place : place + 4].isalnum() and data[place - 4 : place - 2] == b"\0\0":
            yield from ((place - 4, 4), (place, 4))
            yield from ((place + 4 + step, width) for step in range(0, 16, 2) for width in (1, 4))


def _ppm(data: bytes) -> Iterator[Field]:
    """The header's letters."""
    yield from ((place, 1) for place in range(min(16, len(data))))


FIELDS: dict[str, Callable[[bytes], Iterator[Field]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "TIFF": _tiff,
    "GIF": _gif,
    "BMP": _bmp,
    "AVIF": _boxes,
    "HEIF": _boxes,
    "PPM": _ppm,
}


def _with_right_sums(data: bytes) -> bytes:
    """A PNG whose chunks have right CRCs, so that more than the first check is tried."""
    parts: Sequence[bytes] = [data[:8]]
    place = 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        if end + 4 > len(data):
            break
        body = data[place + 4 : end]
        parts = [*parts, data[place : place + 4], body, zlib.crc32(body).to_bytes(4, "big")]
        place = end + 4
    return b"".join([*parts, data[place:]])
