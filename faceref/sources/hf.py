"""Any Hugging Face data set with an image column: a folder, a saved data set, or a name on the Hub.

A split by person needs the whole list first, and the images are needed later, one at a time, in
several threads. So a record holds no image but where it is: a row of the Arrow files in the Hugging
Face cache, which are mapped, not loaded, and which a resumed build finds again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceref.errors import FaceRefError, unknown_choice
from faceref.record import Record
from faceref.sources.base import Choices, Source, SourceKind
from faceref.sources.hf_columns import NONE, Columns, find_columns
from faceref.sources.inventory import SHOWN, Count, Inventory

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

LICENCE = "the terms of the data set apply"
LAYOUT = (
    "hf needs the name of a data set on the Hub (owner/name), a Parquet file, a folder that "
    "datasets.load_dataset opens, or one that save_to_disk wrote"
)
BATCH = 256
"""Rows that are read at a time while listing."""


@dataclass(frozen=True)
class Row:
    """The image of one row of an Arrow-backed data set."""

    rows: datasets.Dataset = field(repr=False)
    """The image column alone, not decoded."""
    index: int
    size: int

    def read(self) -> bytes:
        """See `Blob.read`."""
        (image,) = self.rows[self.index].values()
        return _bytes(image)


def hf(choices: Choices) -> Source:
    """List a Hugging Face data set; image ids are `<split>/<row>`, partitions its splits.

    Labels come from `choices.identity_column`, or from a column with a name that
    `hf_columns.IDENTITY_NAMES` has; an image without label, NaN among them, has its image id for
    one, and the inventory counts these. Raises FaceRefError where columns cannot be found, for rows
    without image unless `choices.partial`, and where the data set cannot be opened.
    """
    opened, revision = _load(choices)
    some = next(iter(opened.values()))
    columns = find_columns(_features(some), choices)
    try:
        records, missing = _records(opened, columns)
    except Exception as error:  # as above, and columns that hold no images
        raise _cannot_open(choices, error) from error
    inventory = _inventory(choices, opened, columns, records, missing)
    inventory.require(choices.partial)
    return Source(
        "hf",
        _licence(some),
        tuple(records),
        labelled=columns.identity is not None,
        inventory=inventory,
        partial=not inventory.complete,
        revision=revision,
    )


def check(choices: Choices) -> Inventory:
    """Columns, and the counts that the data set states; reads no image."""
    opened, _ = _load(choices, streaming=True)
    some = next(iter(opened.values()))
    columns = find_columns(_features(some), choices)
    stated = [_stated(split) for split in opened.values()]
    counts = () if None in stated else (Count("images", sum(n or 0 for n in stated)),)
    return Inventory("Hugging Face data set", str(choices.root), counts, (), _notes(columns))


def _load(choices: Choices, *, streaming: bool = False) -> tuple[Mapping[str, Any], str | None]:
    """The data set by split, and its commit where it comes from the Hub."""
    import datasets

    root = choices.root
    saved = any((root / name).is_file() for name in ("state.json", "dataset_dict.json"))
    revision = None if root.exists() else _commit(choices)
    try:
        if saved:
            opened: Any = datasets.load_from_disk(str(root))
        elif root.is_file():
            opened = datasets.load_dataset("parquet", data_files=str(root), streaming=streaming)
        else:
            opened = datasets.load_dataset(
                root.as_posix(), choices.config, revision=revision, streaming=streaming
            )
    except Exception as error:  # datasets raises errors of many libraries
        raise _cannot_open(choices, error) from error
    if not isinstance(opened, Mapping):
        opened = {str(opened.split or "train"): opened}
    if choices.split is not None:
        if choices.split not in opened:
            raise unknown_choice("--hf-split", choices.split, opened)
        opened = {choices.split: opened[choices.split]}
    return opened, revision


def _commit(choices: Choices) -> str:
    """The commit that `choices.revision` (by default the main branch) is now."""
    if choices.revision is not None and re.fullmatch(r"[0-9a-f]{40}", choices.revision):
        return choices.revision
    from huggingface_hub import HfApi

    try:
        found = HfApi().dataset_info(choices.root.as_posix(), revision=choices.revision)
    except Exception as error:  # offline, unknown name, gated, bad token: distinguished by its text
        raise _cannot_open(choices, error) from error
    return str(found.sha)


def _cannot_open(choices: Choices, error: Exception) -> FaceRefError:
    lines = str(error).strip().splitlines() or [""]
    return FaceRefError(
        f"Cannot open the data set {choices.root} ({type(error).__name__}: {lines[0]}). {LAYOUT}; "
        "offline, what is in the cache opens with --revision COMMIT (40 digits)."
    )


def _features(split: Any) -> Mapping[str, Any]:
    if split.features is None:
        split = split._resolve_features()
    return split.features


def _licence(split: Any) -> str:
    stated = split.info.license
    return f"{stated} (as the data set states)" if stated else LICENCE


def _stated(split: Any) -> int | None:
    """Rows that the data set says it has."""
    if hasattr(split, "num_rows"):
        return split.num_rows
    infos = split.info.splits or {}
    return infos[split.split].num_examples if split.split in infos else None


def _records(opened: Mapping[str, Any], columns: Columns) -> tuple[list[Record], list[str]]:
    """Records of all rows with an image, and ids of the rows without."""
    records, missing = [], []
    for name, index, person, place in _mapped(opened, columns):
        image_id = f"{name}/{index:08d}"
        if place is None:
            missing.append(image_id)
            continue
        records.append(
            Record(
                image_id=image_id,
                source="hf",
                identity=columns.person(person) or image_id,
                path=place if isinstance(place, Path) else None,
                blob=None if isinstance(place, Path) else place,
                partition=name,
            )
        )
    return records, missing


Listed = tuple[str, int, Any, "Path | Row | None"]


def _mapped(opened: Mapping[str, Any], columns: Columns) -> Iterator[Listed]:
    """Split, row, label and place of every image, by batches of the mapped columns."""
    import pyarrow.compute as pc

    for name, split in opened.items():
        split = _undecoded(split, columns)
        images = split.select_columns([columns.image])
        index = 0
        for table in split.with_format("arrow").iter(BATCH):
            cells = table[columns.image]
            encoded, paths = (_field(cells, key) for key in ("bytes", "path"))
            sizes, paths = (
                pc.call_function("binary_length", [encoded]).to_pylist(),
                paths.to_pylist(),
            )
            people = (
                table[columns.identity].to_pylist() if columns.identity else [None] * len(sizes)
            )
            for size, path, person in zip(sizes, paths, people, strict=True):
                yield name, index, person, _place(images, index, size, path)
                index += 1


def _field(cells: pa.ChunkedArray, key: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.call_function("struct_field", [cells], pc.StructFieldOptions([key]))


def _place(images: datasets.Dataset, index: int, size: int | None, path: str | None) -> Any:
    if size:
        return Row(images, index, size)
    return Path(path) if path and size is None and Path(path).is_file() else None


def _undecoded(split: Any, columns: Columns) -> Any:
    import datasets

    wanted = [columns.image, *([columns.identity] if columns.identity else [])]
    return split.select_columns(wanted).cast_column(columns.image, datasets.Image(decode=False))


def _bytes(image: Mapping[str, Any]) -> bytes:
    if image["bytes"] is not None or not image["path"]:
        return image["bytes"] or b""
    import fsspec

    with fsspec.open(image["path"], "rb") as file:
        return file.read()  # pyright: ignore[reportAttributeAccessIssue]


def _inventory(
    choices: Choices,
    opened: Mapping[str, Any],
    columns: Columns,
    records: Sequence[Record],
    missing: Sequence[str],
) -> Inventory:
    stated = [_stated(split) for split in opened.values()]
    found = len(records)
    total = found + len(missing) if None in stated else sum(n or 0 for n in stated)
    counts = (Count("images", found, total, tuple(missing[:SHOWN])),)
    title = "Hugging Face data set"
    notes = _notes(columns)
    nobody = sum(record.identity == record.image_id for record in records)
    if columns.identity and nobody:
        notes += (
            f"{nobody:,} images have no identity in the column {columns.identity}: each is a "
            "person of its own, or of the group that its face finds",
        )
    return Inventory(title, str(choices.root), counts, (), notes)


def _notes(columns: Columns) -> tuple[str, ...]:
    return (f"image column {columns.image}", f"identity column {columns.identity or NONE}")


SOURCE = SourceKind(
    name="hf",
    title="Hugging Face data set",
    layout=LAYOUT,
    open=hf,
    check=check,
    takes=(
        "partial",
        "config",
        "split",
        "revision",
        "image_column",
        "identity_column",
    ),
)
