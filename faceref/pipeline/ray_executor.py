"""Makes the parts of a build on Ray Data, on this machine or on a cluster.

A part is a chunk of the source. Each actor opens its models once, takes one part after the other
through the same stages as the local executor, and writes it to the build folder: a part is there or
it is not, so
a build may be interrupted, and go on with either executor. Only the places of the images
travel; the nodes read the source and write the parts, so both must be on storage that every node
mounts at the same path. Embeddings are bound to the models' SHA-256: a node with others stops the
build.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from faceref.console import Progress
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError
from faceref.hardware import usable_cores
from faceref.mining.shards import Task
from faceref.pipeline import local_executor as executor
from faceref.pipeline.build import per_image_stages
from faceref.pipeline.checkpoints import BuildFolder
from faceref.pipeline.local_executor import batches, missing_parts, process
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.stages import Stage
from faceref.record import Record

INSTALL = "pip install 'face-ref[ray]'"
STORE_BYTES = 256 << 20
"""Object store of a Ray that is started here. Parts go to disk; only lists of images pass it."""
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class RayExecutor:
    """An executor for `pipeline.build`."""

    open_embedder: Callable[[], Embedder]
    """Opens the embedder of the build; pickled, such as `EmbedderSpec(...).open`."""
    recipe: Recipe
    address: str | None = None
    """Of a running cluster, such as `auto`; None takes `RAY_ADDRESS` or starts Ray here."""
    workers: int | None = None
    """Actors; None for one a core, or one a GPU on `cuda`."""
    device: str = "cpu"

    def __call__(
        self,
        build_folder: BuildFolder,
        records: Sequence[Record],
        steps: Sequence[Stage],
        embedder: Embedder,
        progress: Progress | None = None,
    ) -> int:
        """See `executor.Executor`; `steps` are made anew in each actor, from the recipe."""
        missing, total = missing_parts(build_folder, records), len(records)
        done = total - sum(len(chunk) for _, chunk in missing)
        report = progress or (lambda done, total: None)
        report(done, total)
        if missing:
            shared = BuildFolder(build_folder.root.absolute())
            maker = _Maker(
                shared, self.open_embedder, embedder.provenance(), self.recipe, self.device
            )
            with _connected(self.address, self.workers) as ray:
                for images in _run(ray, maker, missing, self.workers):
                    done += images
                    report(done, total)
        return -(-total // executor.CHUNK)

    def mine_shards(self, folder: Path, shards: Sequence[int]) -> Iterator[int]:
        """See `executor.Executor`; each actor maps the files of `folder`, on shared storage."""
        rows = [{"shard": shard} for shard in shards]
        if rows:
            with _connected(self.address, self.workers) as ray:
                for batch in _over_actors(
                    ray, MiningActor, (folder.absolute(),), rows, "cpu", self.workers
                ):
                    _refuse_errors(batch)
                    yield from map(int, batch["shard"])


@dataclass(frozen=True)
class _Maker:
    """What an actor needs to know."""

    build_folder: BuildFolder
    open_embedder: Callable[[], Embedder]
    provenance: dict[str, Any]
    recipe: Recipe
    device: str


class PartActor:
    """What runs in an actor: called by Ray Data with one part at a time."""

    def __init__(self, maker: _Maker, threads: int) -> None:
        self.maker = maker
        self.pool = ThreadPoolExecutor(threads)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        """Make the part of the only row; the message of a FaceRefError comes back in `error`."""
        index = int(batch["index"][0])
        try:
            images = self._make(index, pickle.loads(batch["records"][0]))
        except FaceRefError as error:
            return {"images": [0], "error": [str(error)]}
        return {"images": [images], "error": [""]}

    def _make(self, index: int, chunk: Sequence[Record]) -> int:
        build_folder = self.maker.build_folder
        if not build_folder.part(index).exists():
            _refuse_unseen([build_folder.part(index).parent, *filter(None, map(_file, chunk))])
            steps = per_image_stages(self._embedder, self.maker.recipe)
            work = partial(process, steps, self._embedder)
            done = self.pool.map(work, batches(chunk))
            build_folder.write_part(index, [record for batch in done for record in batch])
        return len(chunk)

    @cached_property
    def _embedder(self) -> Embedder:
        embedder = self.maker.open_embedder()
        found, wanted = embedder.provenance(), self.maker.provenance
        if found != wanted:
            differing = next(key for key in wanted | found if found.get(key) != wanted.get(key))
            raise FaceRefError(
                f"Node {socket.gethostname()} has another {differing} of the embedder: "
                f"{found.get(differing)!r}, the build {wanted.get(differing)!r}. Put the same "
                "models on every node, or give --pack DIR on shared storage."
            )
        return embedder


class MiningActor:
    """What mines in an actor: called by Ray Data with the number of one shard at a time."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder = folder

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        """Mine the only shard; the message of a FaceRefError comes back in `error`."""
        shard = int(batch["shard"][0])
        try:
            _refuse_unseen([self.folder])
            self._task.mine(shard)
        except FaceRefError as error:
            return {"shard": [shard], "error": [str(error)]}
        return {"shard": [shard], "error": [""]}

    @cached_property
    def _task(self) -> Task:
        return Task.open(self.folder)


def _file(record: Record) -> Path | None:
    """The file that the image of `record` is read from, where it is known."""
    return record.path or getattr(record.blob, "path", None)


def _refuse_unseen(paths: Sequence[Path]) -> None:
    """Raise FaceRefError for a path that this node does not have.

    The stages would take it for an image that cannot be read, and the set would be smaller.
    """
    for path in dict.fromkeys(paths):
        if not path.exists():
            raise FaceRefError(
                f"Node {socket.gethostname()} does not see {path}. The source and --out must be "
                "on storage that every node of the cluster mounts at the same path."
            )


def _anchored(record: Record) -> Record:
    """The same with an absolute path: actors have a working folder of their own."""
    if record.path is not None:
        return record.having(path=record.path.absolute())
    if (path := getattr(record.blob, "path", None)) is not None:
        return record.having(blob=replace(record.blob, path=path.absolute()))  # pyright: ignore
    return record


def _run(
    ray: Any, maker: _Maker, missing: Sequence[tuple[int, Sequence[Record]]], workers: int | None
) -> Iterator[int]:
    """Images of each part as it gets finished, in any order."""
    rows = [
        {"index": index, "records": pickle.dumps([_anchored(record) for record in chunk])}
        for index, chunk in missing
    ]
    for batch in _over_actors(ray, PartActor, (maker,), rows, maker.device, workers):
        _refuse_errors(batch)
        yield from map(int, batch["images"])


def _over_actors(
    ray: Any,
    actor: type,
    given: tuple[Any, ...],
    rows: Sequence[dict[str, Any]],
    device: str,
    workers: int | None,
) -> Iterator[dict[str, np.ndarray]]:
    """What actors, made of what is `given` and their threads, answer to each row, in any order."""
    count, resources, threads = _actors(ray, device, workers)
    finished = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        actor,
        fn_constructor_args=(*given, threads),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(count, len(rows))),
        **resources,
    )
    yield from finished.iter_batches(batch_size=None)


def _refuse_errors(batch: dict[str, np.ndarray]) -> None:
    """Raise FaceRefError for the first message of an actor."""
    for error in batch["error"]:
        if error:
            raise FaceRefError(str(error))


def _actors(ray: Any, device: str, workers: int | None) -> tuple[int, dict[str, float], int]:
    """How many actors, what each asks of Ray, and its threads."""
    have = ray.cluster_resources()
    cores = max(1, int(have.get("CPU", 1)))
    if device != "cuda":
        return workers or cores, {"num_cpus": 1}, 1
    gpus = int(have.get("GPU", 0))
    if gpus < 1:
        raise FaceRefError(
            "--device cuda: this Ray has no GPU. Start its nodes where there is one "
            "(ray start --num-gpus N), or use --device cpu."
        )
    count = workers or gpus
    threads = max(1, cores // count)
    return count, {"num_cpus": threads, "num_gpus": min(1.0, gpus / count)}, threads


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[Any]:
    """Ray, connected to a cluster or started here; what was begun is ended."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.data  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise FaceRefError(f"--executor ray needs Ray Data ({error}): {INSTALL}") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    ours = not ray.is_initialized()
    if ours:
        _start(ray, address or os.environ.get("RAY_ADDRESS") or "local", workers)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _start(ray: Any, address: str, workers: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        ray.init(
            address="local",
            num_cpus=max(workers or 0, usable_cores()),
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            **quiet,
        )
        return
    try:
        _knock(address)
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise FaceRefError(
            f"Cannot reach a Ray cluster at {address} ({lines[0]}). Start one with "
            "ray start --head, or leave out --ray-address to work on this machine."
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody answers at `host:port`: Ray itself tries for minutes."""
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
