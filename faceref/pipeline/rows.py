"""The rows of a set before they are written, each made when it is asked for.

Millions of them as dictionaries would take more memory than the vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from faceref.dataset.store import REFERENCE_LISTS
from faceref.mining.lists import Lists, Subjects


@dataclass(frozen=True, slots=True, eq=False)
class Row(Mapping[str, Any]):
    """One row, with the columns of `store.SCHEMA` but for the image."""

    columns: Mapping[str, Callable[[int], Any]]
    place: int

    def __getitem__(self, name: str) -> Any:
        """The value of a column."""
        return self.columns[name](self.place)

    def __iter__(self) -> Iterator[str]:
        """Names of columns."""
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


class Rows(Sequence[Row]):
    """All rows, in the order of the source."""

    def __init__(self, used: pa.Table, source: str, subjects: Subjects, lists: Lists) -> None:
        """Hold the columns; `used` has `image_id`, `sha256`, `landmarks` and `quality`."""
        people = subjects.people
        columns: dict[str, Callable[[int], Any]] = {
            name: _from_table(used, name) for name in used.column_names
        }
        columns |= {
            "source": lambda _: source,
            "split": lambda place: str(subjects.splits[place]),
            "identity": people.identities.__getitem__,
            "component": people.components.__getitem__,
            **{name: _references(lists, name) for name in REFERENCE_LISTS},
        }
        self._columns, self._count = columns, used.num_rows

    def __getitem__(self, place: Any) -> Any:
        """One row; of a slice, a list."""
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return Row(self._columns, place % len(self))

    def __len__(self) -> int:
        return self._count


def _from_table(table: pa.Table, name: str) -> Callable[[int], Any]:
    column = table[name].combine_chunks()
    return lambda place: column[place].as_py()


def _references(lists: Lists, name: str) -> Callable[[int], list[dict[str, Any]]]:
    found = lists.references[name]
    return lambda place: [{"image_id": item, "score": score} for item, score in found[place]]
