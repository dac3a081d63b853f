"""Mining of large pools: from files, in shards, by this process or by several.

A folder holds all that one list is mined from: faces as arrays, mapped into memory; inverted lists;
the order of the probes. Whoever opens it can mine any shard of the probes: a shard of results is
there and whole, or it is not there, so mining that is interrupted goes on. Probes come in the order
of the inverted lists, so that a shard reads few of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from faceref.arrays import map_array, write_array
from faceref.files import replacing, write_json
from faceref.mining.mine import Candidates, Limits, Mining, References, first_fetch, mine
from faceref.reading.json_file import read_json
from faceref.similarity.inverted import DEEP, Inverted, Use, open_ivf, reopen_ivf

SHARD = 1 << 17
"""Probes of a shard."""
COPIED = 1 << 16
"""Faces copied at a time."""
TASK, ORDER = "task.json", "order.npy"
MineShards = Callable[[Path, Sequence[int]], Iterable[int]]
"""Mines shards of a task, given its folder and their numbers; gives each number when it is done."""
_ANEW = "Delete the folder that it lies in: it is made anew."


@dataclass(frozen=True, eq=False)
class Task:
    """What the shards of one list are mined with."""

    folder: Path
    probes: Candidates
    pool: Candidates
    opened: Inverted | None
    """The inverted lists, where they are open already."""
    order: np.ndarray
    """Rows of all probes, in the order of the shards."""
    count: int
    diversity: int
    limits: Limits
    size: int
    """Probes of a shard."""

    @classmethod
    def open(cls, folder: Path, opened: Inverted | None = None) -> Task:
        """The task of a folder."""
        settings = read_json(folder / TASK, _ANEW)
        probes, pool = read_faces(folder / "probes"), read_faces(folder / "pool")
        return cls(
            folder,
            probes,
            pool,
            opened,
            map_array(folder / ORDER),
            settings["count"],
            settings["diversity"],
            Limits(settings["upper"]),
            settings["shard"],
        )

    @cached_property
    def search(self) -> Inverted:
        """The inverted lists."""
        return self.opened or reopen_ivf(self.folder, self.pool.vectors)

    def path(self, shard: int) -> Path:
        """Where the result of a shard lies."""
        return self.folder / "found" / f"{shard:05d}.npz"

    def rows(self, shard: int) -> np.ndarray:
        """The probes of a shard."""
        return np.array(self.order[shard * self.size : (shard + 1) * self.size])

    def missing(self) -> list[int]:
        """Shards without a result."""
        return [shard for shard in self._shards() if not self.path(shard).exists()]

    def mine(self, shard: int) -> None:
        """Mine a shard and write its result."""
        rows, near = self.rows(shard), None
        fetch = first_fetch(self.pool, self.count * self.diversity)
        if fetch <= DEEP:
            near = self.search.many(np.ascontiguousarray(self.probes.vectors[rows]), fetch)
        given = self.probes, self.pool, self.count, self.limits, self.search, self.diversity
        found = mine(*given, near=near, rows=rows)
        with replacing(self.path(shard)) as temporary:
            np.savez(temporary, rows=found.rows, units=found.units)

    def references(self) -> References:
        """The results of all shards."""
        found = References.empty(self.pool.image_ids, len(self.probes), self.count)
        for shard in self._shards():
            with np.load(self.path(shard)) as part:
                found.put(self.rows(shard), References(found.names, part["rows"], part["units"]))
        return found

    def _shards(self) -> range:
        return range(-(-len(self.order) // self.size))


def mine_here(folder: Path, shards: Sequence[int]) -> Iterator[int]:
    """Mine shards in this process, see `MineShards`."""
    yield from _mine(Task.open(folder), shards)


def _mine(task: Task, shards: Sequence[int]) -> Iterator[int]:
    for shard in shards:
        task.mine(shard)
        yield shard


def mine_in_shards(
    folder: Path,
    probes: Candidates,
    keys: Candidates,
    train: np.ndarray,
    mining: Mining,
    limits: Limits,
    device: str = "cpu",
    mine_shards: MineShards = mine_here,
) -> tuple[References, dict[str, Any]]:
    """References for all `probes` from the rows `train` of `keys`, by inverted lists.

    Args:
        folder: Where the files lie; what an earlier run with the same arguments left is gone on
            with, that of other arguments is left alone.
        probes: All faces of a set, with the vectors that are searched for.
        keys: The same faces with the vectors that are searched in.
        train: Rows of the pool, ascending.
        mining: How references are chosen.
        limits: Which neighbours are dropped.
        device: `cpu` or `cuda`. A GPU is used by this process alone.
        mine_shards: By whom shards are mined.

    Returns:
        The references, and a report about the index for the manifest.
    """
    count, diversity = mining.references, mining.diversity
    settings = {
        "count": count,
        "diversity": diversity,
        "upper": limits.upper,
        "shard": SHARD,
    }
    folder = folder / _digest(probes, keys, train, {**settings, **asdict(mining.index)})
    write_faces(folder / "probes", probes, np.arange(len(probes)))
    write_faces(folder / "pool", keys, train)
    search, report = _open(folder, probes, mining, device)
    if not (folder / ORDER).exists():
        write_array(folder / ORDER, len(probes), [_order(search, probes, train)])
    write_json(folder / TASK, settings)
    task = Task.open(folder, search)
    missing = task.missing()
    if device == "cuda":
        done = _mine(task, missing)
    else:
        del search, task  # what they have mapped
        done = mine_shards(folder, missing)
    for _ in done:
        pass
    return Task.open(folder).references(), {"kind": "ivf", **report}


def _open(
    folder: Path, probes: Candidates, mining: Mining, device: str
) -> tuple[Inverted, dict[str, Any]]:
    """The inverted lists of the pool in `folder`, and their report."""
    pool = read_faces(folder / "pool")
    fetch = first_fetch(pool, mining.references * mining.diversity)
    use = Use(mining.references, fetch, probes.people, pool.people)
    return open_ivf(pool.vectors, probes.vectors, use, mining.index, folder, device)


def _order(search: Inverted, probes: Candidates, train: np.ndarray) -> np.ndarray:
    """Rows of all probes: those of the pool, list by list, then the others, by their list."""
    rest = np.setdiff1d(np.arange(len(probes)), train)
    near = [
        search.nearest_list(np.ascontiguousarray(probes.vectors[rest[start : start + COPIED]]))
        for start in range(0, len(rest), COPIED)
    ]
    if near:
        rest = rest[np.argsort(np.concatenate(near), kind="stable")]
    return np.concatenate([train[search.order()], rest])


def _digest(
    probes: Candidates, keys: Candidates, train: np.ndarray, settings: dict[str, Any]
) -> str:
    """A name for all that the result depends on."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    arrays = [*_arrays(probes).values(), train]
    if keys.vectors is not probes.vectors:
        arrays.append(keys.vectors)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        for start in range(0, len(array), COPIED):
            digest.update(np.ascontiguousarray(array[start : start + COPIED]).view(np.uint8).data)
    return digest.hexdigest()[:16]


def _arrays(faces: Candidates) -> dict[str, np.ndarray]:
    """The arrays of `faces` by name, without vectors where those are the embeddings."""
    named = {field.name: getattr(faces, field.name) for field in fields(faces)}
    if faces.vectors is faces.embeddings:
        del named["vectors"]
    return named


def write_faces(folder: Path, faces: Candidates, rows: np.ndarray) -> None:
    """Write the `rows` of `faces` as arrays, those that are not there yet."""
    for name, array in _arrays(faces).items():
        if not (folder / f"{name}.npy").exists():
            _write_rows(folder / f"{name}.npy", array, rows)


def _write_rows(path: Path, array: np.ndarray, rows: np.ndarray) -> None:
    """Write the `rows` of an array without a copy of them all in memory."""
    starts = range(0, max(len(rows), 1), COPIED)
    write_array(path, len(rows), (array[rows[start : start + COPIED]] for start in starts))


def read_faces(folder: Path) -> Candidates:
    """The faces of `write_faces`."""
    named = {path.stem: map_array(path) for path in folder.glob("*.npy")}
    return Candidates(**{"vectors": named["embeddings"], **named})
