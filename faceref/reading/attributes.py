"""Tables of attributes of faces: CelebA's text file, or CSV."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from faceref.errors import FaceRefError
from faceref.reading.boundary import reading
from faceref.reading.text import read_text, separator

_WAY_OUT = "Give CelebA's list_attr_celeba.txt, or CSV: image_id and a column an attribute."
NAMES = "image_id"
NO, YES = ("-1", "0", "no", "false"), ("1", "yes", "true")
"""How tables write that a face has an attribute or not."""


def read_attributes(path: Path, image_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Read what a table says of faces.

    Args:
        path: CelebA's `list_attr_celeba.txt`, or CSV with a column `image_id`; without one, the
            first holds the names. They are matched with `image_ids` whole, else without ending,
            else without folder and ending, where that is of one row only.
        image_ids: The faces, N.

    Returns:
        Of each attribute, in the order of the table, the words of the faces, str (N,), in lower
        case; where a cell is empty, an empty one.

    Raises:
        FaceRefError: For a file that cannot be read, that names a column or an image twice, or that
            lacks one of the faces.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "people.csv"
        >>> _ = path.write_text("image_id,age\\nada/1,Young\\nbob/1,old\\n")
        >>> read_attributes(path, ["bob/1", "ada/1"])["age"].tolist()
        ['old', 'young']
    """
    columns, rows = _read_table(path)
    by_name = _of_one_row(rows, lambda name: PurePosixPath(name).stem)
    by_name |= _of_one_row(rows, lambda name: str(PurePosixPath(name).with_suffix(""))) | rows
    missing = [image for image in image_ids if image not in by_name]
    if missing:
        raise FaceRefError(
            f"{path} lacks {len(missing):,} of {len(image_ids):,} images, such as {missing[0]!r}. "
            "It needs a row for each, by image id or the name of its file."
        )
    found = [[word.strip().lower() for word in by_name[image]] for image in image_ids]
    values = np.array(found, str).reshape(len(image_ids), len(columns))
    return {name: values[:, place] for place, name in enumerate(columns)}


def _of_one_row(rows: dict[str, list[str]], short: Callable[[str], str]) -> dict[str, list[str]]:
    """Rows by their short names, without those that several have."""
    known = Counter(map(short, rows))
    return {short(name): row for name, row in rows.items() if known[short(name)] == 1}


def _read_table(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the columns, and for each image its values."""
    lines = read_text(path, _WAY_OUT).splitlines()
    if len(lines) > 1 and lines[0].strip().isdigit():
        # CelebA: the number of images, the names of the attributes, then a row an image.
        header, body = [NAMES, *lines[1].split()], [line.split() for line in lines[2:]]
    else:
        marks = separator(lines[0] if lines else "")
        with reading(path, _WAY_OUT):
            header, *body = list(csv.reader(lines, delimiter=marks)) or [[]]
    header, body = [name.strip() for name in header], [row for row in body if row]
    wrong = next((row for row in body if len(row) != len(header)), None)
    if len(header) < 2 or not body or wrong is not None:
        row = f": the row {wrong!s:.80} is too short or long" if wrong else ""
        raise FaceRefError(f"{path} is no table of attributes{row}. {_WAY_OUT}")
    place = header.index(NAMES) if NAMES in header else 0
    for what, names in (("column", header), ("image", [row[place] for row in body])):
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise FaceRefError(f"{path} has the {what} {twice!r} twice. Keep one of them.")
    rows = {row[place]: [*row[:place], *row[place + 1 :]] for row in body}
    return [*header[:place], *header[place + 1 :]], rows
