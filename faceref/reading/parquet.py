"""Parquet files: their columns and types are checked before anything relies on them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceref.errors import FaceRefError
from faceref.reading.boundary import reading


def read_parquet(
    path: Path,
    way_out: str,
    schema: pa.Schema | None = None,
    *,
    columns: Sequence[str] | None = None,
    whole: Set[str] = frozenset(),
    data: bytes | None = None,
) -> pa.Table:
    """Columns of a Parquet file.

    Args:
        path: The file.
        way_out: What to do where it cannot be used.
        schema: What its columns must be; widths of numbers may differ. None: anything.
        columns: Those to read; None: all.
        whole: Columns in which nothing may be missing, be null or be no finite number.
        data: The content of the file, where it was read already.

    Returns:
        The table, with its offsets and texts checked.

    Raises:
        FaceRefError: One line with the file, the column and row, and the way out.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "ids.parquet"
        >>> pq.write_table(pa.table({"image_id": ["ada/1"]}), path)
        >>> read_parquet(path, "Build it again.", columns=["image_id"]).num_rows
        1
    """
    with opened(path, way_out, schema, columns, data) as file:
        # Threads cost more than they bring where a table fits in a few pages.
        threads = data is None
        table = file.read(None if columns is None else list(columns), use_threads=threads)
        table.validate(full=True)
    _need_whole(table, whole, path, way_out)
    return table


def read_batches(
    path: Path, way_out: str, schema: pa.Schema, size: int, *, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """As `read_parquet`, `size` rows at a time; nothing may be missing in any of the columns."""
    row = 0
    with opened(path, way_out, schema, columns) as file:
        for batch in file.iter_batches(size, columns=list(columns)):
            batch.validate(full=True)
            _need_whole(pa.Table.from_batches([batch]), set(columns), path, way_out, row)
            row += batch.num_rows
            yield batch


def read_rows(
    path: Path, way_out: str, schema: pa.Schema, rows: Sequence[int], *, columns: Sequence[str]
) -> Iterator[pa.Table]:
    """As `read_batches`, of ascending `rows` alone: row groups without any of them are not read."""
    first, wanted = 0, np.asarray(rows, np.int64)
    with opened(path, way_out, schema, columns) as file:
        for group in range(file.num_row_groups):
            after = first + file.metadata.row_group(group).num_rows
            here = wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, after)]
            if len(here):
                table = file.read_row_group(group, columns=list(columns))
                table.validate(full=True)
                _need_whole(table, set(columns), path, way_out, first)
                yield table.take(here - first)
            first = after


def parquet_rows(path: Path, way_out: str) -> int:
    """Number of rows of a Parquet file, from its footer."""
    with opened(path, way_out) as file:
        return file.metadata.num_rows


@contextmanager
def opened(
    path: Path,
    way_out: str,
    schema: pa.Schema | None = None,
    columns: Sequence[str] | None = None,
    data: bytes | None = None,
) -> Iterator[pq.ParquetFile]:
    """A Parquet file whose footer is sound and has `columns` as `schema` says.

    Whatever the block raises is an error of the file.
    """
    with reading(path, way_out, "is no whole Parquet file"):
        file = pq.ParquetFile(pyarrow_source(path) if data is None else io.BytesIO(data))
        _need_sound_footer(file.metadata, path.stat().st_size if data is None else len(data))
        found = file.schema_arrow
    wanted = columns if columns is not None else (schema.names if schema is not None else ())
    for name in wanted:
        if found.names.count(name) != 1:
            raise FaceRefError(f"{path} lacks the column {name}. {way_out}")
        if schema is not None:
            _need_type(found.field(name).type, schema.field(name).type, name, path, way_out)
    with reading(path, way_out), file:
        yield file


def pyarrow_source(path: Path) -> Path | BinaryIO:
    """What pyarrow reads `path` by: it opens no name that is not UTF-8, nor any in locale C."""
    name = str(path)
    return path if name == name.encode("utf-8", "replace").decode() else path.open("rb")


def _need_sound_footer(footer: pq.FileMetaData, size: int) -> None:
    """Raise ValueError for a footer that promises more than the file can hold."""
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    rows = [group.num_rows for group in groups]
    if min(rows, default=0) < 0 or sum(rows) != footer.num_rows or footer.num_rows > size:
        raise ValueError(f"its footer says {footer.num_rows} rows")
    for group in groups:
        for place in range(group.num_columns):
            chunk = group.column(place)
            if not 0 <= chunk.total_compressed_size <= size:
                raise ValueError(f"its footer says {chunk.total_compressed_size} bytes")
            if not 0 <= chunk.num_values <= 64 * size:
                raise ValueError(f"its footer says {chunk.num_values} values")


def _need_type(
    found: pa.DataType, wanted: pa.DataType, name: str, path: Path, way_out: str
) -> None:
    if pa.types.is_struct(wanted) and pa.types.is_struct(found):
        there = {field.name: field.type for field in _fields(found)}
        for field in _fields(wanted):
            below = f"{name}.{field.name}"
            if field.name in there:
                _need_type(there[field.name], field.type, below, path, way_out)
            elif name not in _GROWN and field.name not in _OPTIONAL:
                raise FaceRefError(f"{path}: the column {below} is missing. {way_out}")
    elif _is_list(wanted) and _is_list(found):
        _need_type(found.value_type, wanted.value_type, name, path, way_out)
    elif _kind(found) != _kind(wanted):
        raise FaceRefError(f"{path}: the column {name} is {found}, expected {wanted}. {way_out}")


def _fields(struct: Any) -> list[pa.Field]:
    return [struct.field(place) for place in range(struct.num_fields)]


def _is_list(found: pa.DataType) -> bool:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(kind(found) for kind in kinds)


def _kind(found: pa.DataType) -> str:
    kinds = {
        "text": (pa.types.is_string, pa.types.is_large_string),
        "bytes": (pa.types.is_binary, pa.types.is_large_binary),
        "float": (pa.types.is_floating,),
        "whole": (pa.types.is_integer,),
    }
    return next((name for name, tests in kinds.items() if any(t(found) for t in tests)), str(found))


def _need_whole(table: pa.Table, names: Set[str], path: Path, way_out: str, first: int = 0) -> None:
    for name in table.column_names:
        if name in names:
            row = _first_gap(table[name].combine_chunks())
            if row is not None:
                raise FaceRefError(
                    f"{path}: row {first + row + 1} has nothing, or no number, in {name}. {way_out}"
                )


_GROWN = ("quality",)
"""Structs of which sets of earlier versions have fewer fields."""
_OPTIONAL = ("path",)
"""Fields that may be null in a whole row: where an image came from."""


def _first_gap(array: Any) -> int | None:
    """The first row that is null, or has null, NaN or infinity within; None where there is none."""
    kind = array.type
    gaps = [_first(array.is_null())] if array.null_count else []
    if pa.types.is_floating(kind):
        gaps.append(_first(pc.call_function("invert", [pc.call_function("is_finite", [array])])))
    elif pa.types.is_struct(kind):
        inner = (f.name for f in _fields(kind) if f.name not in _OPTIONAL)
        gaps += [_first_gap(array.field(name)) for name in inner]
    elif _is_list(kind):
        within = _first_gap(array.flatten())
        if within is not None:
            gaps.append(pc.call_function("list_parent_indices", [array])[within].as_py())
    return min((gap for gap in gaps if gap is not None), default=None)


def _first(found: Any) -> int | None:
    place = pc.index(found, pa.scalar(True)).as_py()
    return None if place < 0 else place
