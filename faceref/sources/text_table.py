"""Text tables: CelebA's rows of a name and integers, and CSV with numbers under named columns."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceref.errors import FaceRefError
from faceref.reading.boundary import cause
from faceref.reading.text import read_text, separator

FARTHEST = 65_535
"""Pixels: no JPEG is larger, so no landmark lies that far from the corner."""
_AGAIN = "Get it again."


@dataclass(frozen=True)
class Rows:
    """One text file: a name and the same number of integers in each row."""

    names: np.ndarray
    """File names, (N,) of str."""
    values: np.ndarray
    """int32, (N, columns)."""

    def of(self, names: np.ndarray) -> np.ndarray:
        """The values of `names`, which must all be here, in their order."""
        if len(names) == len(self.names) and (names == self.names).all():
            return self.values
        order = np.argsort(self.names)
        return self.values[order[np.searchsorted(self.names, names, sorter=order)]]


def read_rows(path: Path, width: int, image: re.Pattern[str]) -> Rows:
    """Read rows of a name, which `image` must match, and `width` integers.

    Spaces, commas or semicolons, with quotes or without; above the rows a count line, a header
    line, both or neither. Raises FaceRefError with the line where the file is damaged, where a
    number is beyond `FARTHEST` in a table of landmarks, and where it is shorter than its count.
    """
    text = re.sub(r"[,;\"]", " ", read_text(path, _AGAIN))
    head = text[:4096].splitlines()[:3]
    skip = next((row for row, line in enumerate(head) if re.match(r"\s*\S+\.\w{3}\s", line)), None)
    if skip is None:
        raise FaceRefError(f"{path.name} has no row such as '000001.jpg ...'. {_AGAIN}")
    table = _Table(path, text, skip, width, image)
    rows = table.parse()
    promised = head[0].strip() if skip else ""
    if re.fullmatch("[0-9]{1,12}", promised) and int(promised) != len(rows.names):
        raise FaceRefError(
            f"{path.name} announces {int(promised):,} rows and has {len(rows.names):,}. {_AGAIN}"
        )
    return rows


@dataclass(frozen=True)
class _Table:
    path: Path
    text: str
    skip: int
    """Lines above the rows."""
    width: int
    image: re.Pattern[str]

    def parse(self) -> Rows:
        import pandas as pd

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # cells too many
                table = pd.read_csv(
                    io.StringIO(self.text),
                    sep=r"\s+",
                    header=None,
                    skiprows=self.skip,
                    names=["image", *map(str, range(self.width))],
                    index_col=False,
                    keep_default_na=False,
                    dtype={"image": str, **{str(place): np.int32 for place in range(self.width)}},
                )
        except Exception as error:  # pandas raises errors of many kinds on damaged text.
            raise self._bad_line() from error
        names, values = table["image"].astype(str).tolist(), table.iloc[:, 1:].to_numpy(np.int32)
        far = self.width == POINTS and bool((np.abs(values.astype(np.int64)) > FARTHEST).any())
        if far or not all(map(self.image.fullmatch, names)) or len(set(names)) != len(names):
            raise self._bad_line()
        return Rows(np.array(names), values)

    def _bad_line(self) -> FaceRefError:
        seen: set[str] = set()
        for number, line in enumerate(self.text.splitlines(), 1):
            cells = line.split()
            if number <= self.skip or not cells:
                continue
            if wrong := self._wrong(cells, seen):
                return FaceRefError(
                    f"{self.path.name}, line {number}: {line[:60]!r}: {wrong}. {_AGAIN}"
                )
            seen.add(cells[0])
        return FaceRefError(f"{self.path.name} cannot be read. {_AGAIN}")

    def _wrong(self, cells: Sequence[str], seen: set[str]) -> str | None:
        """What is wrong with a row; None for nothing."""
        name, *values = cells
        if name in seen:
            return "a second time"
        whole = all(re.fullmatch(r"-?[0-9]{1,9}", value) for value in values)
        if len(values) != self.width or not whole or not self.image.fullmatch(name):
            return f"needs 000001.jpg and {self.width} integers"
        far = [value for value in values if abs(int(value)) > FARTHEST]
        if far and self.width == POINTS:
            return f"{far[0]} is no place in an image"
        return None


POINTS = 10
"""Numbers of five landmarks."""


def read_points(
    path: Path, key: str, columns: Sequence[str], way_out: str
) -> dict[str, list[float]]:
    """Five landmarks x0, y0, ..., x4, y4 for each name, in pixels, from a CSV with a header line.

    Args:
        path: The file; its separator is a comma, a semicolon or a tab.
        key: The column of the names.
        columns: Names of the ten columns of the landmarks; others are passed over.
        way_out: What to do where it cannot be used.

    Raises:
        FaceRefError: With the line and the value: for a missing column, a short row, a name that is
            there twice, and for what is no number or lies farther out than `FARTHEST`.
    """
    text = read_text(path, way_out)
    first = text.splitlines()[0] if text.splitlines() else ""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator(first))
    points: dict[str, list[float]] = {}
    try:
        header = [name.strip() for name in next(lines, [])]
        lacking = [name for name in (key, *columns) if name not in header]
        if lacking:
            raise FaceRefError(f"{path} has no column {lacking[0]!r}. {way_out}")
        places = [header.index(name) for name in (key, *columns)]
        for row in lines:
            if not row:
                continue
            at = f"{path}, line {lines.line_num}"
            if len(row) <= max(places):
                raise FaceRefError(f"{at}: {len(row)} of {len(header)} cells. {way_out}")
            name, *values = (row[place] for place in places)
            if name in points:
                raise FaceRefError(f"{at}: {name!r} is there a second time. {way_out}")
            points[name] = _five(values, columns, at, way_out)
    except csv.Error as error:
        raise FaceRefError(f"{path}, line {lines.line_num}: {cause(error)}. {way_out}") from error
    return points


def _five(values: Sequence[str], columns: Sequence[str], at: str, way_out: str) -> list[float]:
    found = []
    for name, text in zip(columns, values, strict=True):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not abs(value) <= FARTHEST:
            raise FaceRefError(
                f"{at}: {name} is {text[:40]!r}, which is no place in an image. {way_out}"
            )
        found.append(value)
    return found
