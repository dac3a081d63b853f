"""Text tables of which each row is an image name and integers, such as CelebA's."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceref.errors import FaceRefError


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

    Spaces or commas; above the rows a count line, a header line, both or neither. Raises
    FaceRefError with the line where the file is damaged, and where it is shorter than its count.
    """
    try:
        text = path.read_text(encoding="utf-8").replace(",", " ")
    except UnicodeDecodeError as error:
        raise FaceRefError(f"{path.name} is no text ({error.reason}). Get it again.") from error
    head = text[:4096].splitlines()[:3]
    skip = next((row for row, line in enumerate(head) if re.match(r"\s*\S+\.\w{3}\s", line)), None)
    if skip is None:
        raise FaceRefError(f"{path.name} has no row such as '000001.jpg ...'. Get it again.")
    names, values = _parse(path, text, skip, width, image)
    promised = head[0].strip() if skip else ""
    if promised.isdigit() and int(promised) != len(names):
        raise FaceRefError(
            f"{path.name} announces {int(promised):,} rows and has {len(names):,}. Get it again."
        )
    return Rows(names, values)


def _parse(
    path: Path, text: str, skip: int, width: int, image: re.Pattern[str]
) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells too many
            table = pd.read_csv(
                io.StringIO(text),
                sep=r"\s+",
                header=None,
                skiprows=skip,
                names=["image", *map(str, range(width))],
                index_col=False,
                dtype={"image": str, **{str(column): np.int32 for column in range(width)}},
            )
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise _bad_line(path, text, skip, width, image) from error
    names = table["image"].astype(str).tolist()
    if not all(map(image.fullmatch, names)) or len(set(names)) != len(names):
        raise _bad_line(path, text, skip, width, image)
    return np.array(names), table.iloc[:, 1:].to_numpy(np.int32)


def _bad_line(path: Path, text: str, skip: int, width: int, image: re.Pattern[str]) -> FaceRefError:
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if number <= skip or not cells:
            continue
        whole = len(cells) == width + 1 and all(re.fullmatch(r"-?\d+", cell) for cell in cells[1:])
        if not whole or not image.fullmatch(cells[0]) or cells[0] in seen:
            why = "a second time" if cells[0] in seen else f"needs 000001.jpg and {width} integers"
            return FaceRefError(f"{path.name}, line {number}: {line[:60]!r}: {why}. Get it again.")
        seen.add(cells[0])
    return FaceRefError(f"{path.name} cannot be read. Get it again.")
