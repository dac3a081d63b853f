"""Ways in which a table, JSON, Parquet, checkpoint or file of weights goes wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[Path, Rng], None]
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1e308, -1e308, 2**63, float("nan"), float("inf"), "", "x", "a|b\n",
    "\ud800", "\x00", "../../x", [], {}, [[]], [None], {"a": {}}, ["x"], [1e9], "9" * 5000,
)  # fmt: skip
CELLS = (
    "", "nan", "inf", "-1", "1e308", "99999999999999999999", "100000", "x", '"', "\x00", "é", "1;2",
    "0x10", "٣", " ",
)  # fmt: skip


def damage_bytes(path: Path, rng: Rng) -> None:
    """Flip, cut, insert, repeat or blank bytes, or put a byte order mark or UTF-16 there."""
    data = bytearray(path.read_bytes())
    size = len(data)
    kind = rng.integers(0, 10)
    at = int(rng.integers(0, size + 1))
    if rng.random() < 0.4:
        at = max(0, size - int(rng.integers(1, 600)))  # where Parquet has its footer
    length = int(rng.integers(1, 64))
    if kind <= 2:
        for place in rng.integers(at, size, 1 + length // 8) if at < size else ():
            data[int(place)] = int(rng.integers(0, 256))
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        del data[at : at + length]
    elif kind == 5:
        data[at:at] = rng.bytes(length)
    elif kind == 6:
        data[at:at] = data[at : at + length]
    elif kind == 7:
        data[at : at + length] = bytes(length)
    elif kind == 8:
        data[:0] = (b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b" ", b"[" * 100_000)[length % 5]
    else:
        data = bytearray((b"", b"{}", b"[]", b"null", b"PAR1", rng.bytes(200))[length % 6])
    path.write_bytes(bytes(data))


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value: a container, and a key of it."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value[:12]))
    else:
        return []
    return [(value, key) for key, _ in items] + [n for _, item in items for n in _nodes(item)]


def changed(value: Any, rng: Rng) -> Any:
    """A JSON value with one to three places replaced, dropped, or swapped with another."""
    for _ in range(int(rng.integers(1, 4))):
        places = _nodes(value)
        if not places:
            return deepcopy(VALUES[int(rng.integers(len(VALUES)))])
        holder, key = places[int(rng.integers(len(places)))]
        kind = rng.integers(0, 5)
        if kind == 0 and isinstance(holder, dict):
            del holder[key]
        elif kind == 1:
            other, name = places[int(rng.integers(len(places)))]
            holder[key] = json.loads(json.dumps(other[name]))
        else:
            holder[key] = deepcopy(VALUES[int(rng.integers(len(VALUES)))])
    return value


def damage_json(path: Path, rng: Rng) -> None:
    """Change values and keys; sometimes write a key twice."""
    text = json.dumps(changed(json.loads(path.read_text("utf-8")), rng))
    if rng.random() < 0.05:
        text = text.replace("{", '{"format": 1, "format": 2,', 1)
    path.write_text(text, "utf-8")


def damage_text(path: Path, rng: Rng) -> None:
    """Change cells, lines and separators of a text table."""
    lines = path.read_text("utf-8").splitlines()
    row = int(rng.integers(len(lines)))
    mark = "," if "," in lines[row] else " "
    cells = lines[row].split(mark)
    place = int(rng.integers(len(cells)))
    kind = rng.integers(0, 8)
    if kind <= 2:
        cells[place] = CELLS[int(rng.integers(len(CELLS)))]
    elif kind == 3:
        del cells[place]
    elif kind == 4:
        cells.insert(place, CELLS[int(rng.integers(len(CELLS)))])
    lines[row] = mark.join(cells)
    if kind == 5:
        lines.insert(row, lines[int(rng.integers(len(lines)))])
    elif kind == 6:
        del lines[row]
    end = "\r\n" if rng.random() < 0.2 else "\n"
    text = end.join(lines) + end
    if kind == 7:
        text = text.replace(mark, ("\t", ";", ", ", "  ", "|")[int(rng.integers(5))])
    encoding = ("utf-8", "utf-8-sig", "utf-16")[int(rng.integers(3)) if rng.random() < 0.3 else 0]
    path.write_text(text, encoding, errors="replace", newline="")


def damage_parquet(path: Path, rng: Rng) -> None:
    """Drop, rename or retype a column, or put nulls, NaN or other rows into it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    names = table.column_names
    name = names[int(rng.integers(len(names)))]
    place, column, rows = names.index(name), table[name], table.num_rows
    kind = rng.integers(0, 8)
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        table = table.rename_columns([f"{one}_" if one == name else one for one in names])
    elif kind == 2:
        table = table.set_column(place, name, pa.array([str(v)[:50] for v in column.to_pylist()]))
    elif kind == 3:
        other = (np.zeros(rows), np.arange(rows), [None] * rows, [[1]] * rows, [{"a": 1}] * rows)
        table = table.set_column(place, name, pa.array(other[int(rng.integers(5))]))
    elif kind == 4:
        gone = rng.integers(0, max(rows, 1))
        kept = [None if row == gone else v for row, v in enumerate(column.to_pylist())]
        table = table.set_column(place, name, pa.array(kept, column.type))
    elif kind == 5:
        table = table.slice(0, int(rng.integers(0, rows + 1)))
    elif kind == 6 and rows:
        table = table.take(rng.integers(0, rows, rows))
    else:
        values = [changed(json.loads(json.dumps(v, default=str)), rng) for v in column.to_pylist()]
        try:
            table = table.set_column(place, name, pa.array(values, column.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
            table = table.drop_columns([name])
    pq.write_table(table, path)


def damage_checkpoint(path: Path, rng: Rng) -> None:
    """Change values, keys, shapes and types within what `torch.save` wrote."""
    import torch

    value = torch.load(path, weights_only=True)
    places = _nodes(value)
    holder, key = places[int(rng.integers(len(places)))]
    kind = rng.integers(0, 4)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder[key], torch.Tensor):
        others = (
            torch.zeros(0),
            holder[key].double() * torch.nan,
            torch.zeros(3, dtype=torch.int8),
        )
        holder[key] = others[int(rng.integers(3))]
    elif kind == 2 and isinstance(holder[key], str):
        holder[key] = holder[key][: int(rng.integers(len(holder[key]) + 1))]
    else:
        holder[key] = deepcopy(VALUES[int(rng.integers(len(VALUES)))])
    torch.save(value, path)


def damage_safetensors(path: Path, rng: Rng) -> None:
    """Change metadata, names, shapes and types; half the time what the header says."""
    import torch
    from safetensors.torch import load_file, save_file

    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if rng.random() < 0.5:
        made = json.dumps(changed(header, rng)).encode()
        path.write_bytes(len(made).to_bytes(8, "little") + made + data[8 + size :])
        return
    tensors, facts = load_file(path), dict(header.get("__metadata__", {}))
    name = list(tensors)[int(rng.integers(len(tensors)))]
    kind = rng.integers(0, 4)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[name] = torch.zeros(2, 3)
    elif facts:
        key = list(facts)[int(rng.integers(len(facts)))]
        try:
            facts[key] = json.dumps(changed(json.loads(facts[key]), rng))
        except (ValueError, RecursionError):
            facts[key] = str(deepcopy(VALUES[int(rng.integers(len(VALUES)))])).replace(
                "\ud800", "?"
            )
    save_file(tensors, path, facts)


def sign_result(path: Path) -> None:
    """Make the hashes of a result those of its content, so that the content is looked at."""
    try:
        content = json.loads(path.read_text("utf-8"))
        table = path.with_suffix(".parquet").read_bytes()
        content["scores_sha256"] = hashlib.sha256(table).hexdigest()
        kept = {key: value for key, value in content.items() if key != "sha256"}
        digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
        text = json.dumps({**kept, "sha256": digest})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
    path.write_text(text, "utf-8")


def sign_weights(path: Path) -> None:
    """Write the SHA-256 of a file beside it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
