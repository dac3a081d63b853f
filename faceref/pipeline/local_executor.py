"""The local executor: threads that take images through the stages, batch by batch, into parts.

One task is a batch of images from file to embedding. Tasks are handed out ahead of what is being
written, so that no thread waits for a part; results are taken in the order of the source, so that
the number of threads does not matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2

from faceref.console import Progress
from faceref.embed.base import Embedder
from faceref.mining.shards import mine_here
from faceref.pipeline import stages
from faceref.pipeline.checkpoints import BuildFolder
from faceref.pipeline.stages import Stage
from faceref.record import Record

CHUNK = 512
"""Images a part."""
TASK = 16
"""Images a task: few enough to stay in the cache from stage to stage."""
AHEAD = 128
"""Images a thread that are handed out before the first is taken back: more than pass through while
a part is written."""
Batch = tuple[Record, ...]


class Executor(Protocol):
    """Who does the work of a build that can be shared out.

    What it writes must not depend on the executor: a build may begin with one and go on with
    another.
    """

    def __call__(
        self,
        build_folder: BuildFolder,
        records: Sequence[Record],
        steps: Sequence[Stage],
        embedder: Embedder,
        progress: Progress | None = None,
    ) -> int:
        """Make the parts of the records that a build folder lacks; how many there are in all."""
        ...

    def mine_shards(self, folder: Path, shards: Sequence[int]) -> Iterable[int]:
        """Mine shards of a list, see `faceref.mining.shards.MineShards`."""
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Makes parts in threads of this process."""

    workers: int

    def __call__(
        self,
        build_folder: BuildFolder,
        records: Sequence[Record],
        steps: Sequence[Stage],
        embedder: Embedder,
        progress: Progress | None = None,
    ) -> int:
        """See `Executor`."""
        missing = missing_parts(build_folder, records)
        done = len(records) - sum(len(chunk) for _, chunk in missing)
        report = progress or (lambda done, total: None)
        report(done, len(records))
        waiting = (batch for _, chunk in missing for batch in batches(chunk))
        ahead = AHEAD * self.workers // TASK
        # A pool of OpenCV's own below ours only costs; what it draws does not depend on it.
        cv2.setNumThreads(1)
        work = partial(process, steps, embedder)
        # Closed at an error, too: a traceback that is kept would keep the threads.
        with closing(_in_order(work, waiting, self.workers, ahead)) as finished:
            for index, chunk in missing:
                part: list[Record] = []
                while len(part) < len(chunk):
                    part.extend(next(finished))
                    report(done + len(part), len(records))
                build_folder.write_part(index, part)
                done += len(part)
        return -(-len(records) // CHUNK)

    def mine_shards(self, folder: Path, shards: Sequence[int]) -> Iterable[int]:
        """See `Executor`; faiss uses all cores for one shard after the other."""
        return mine_here(folder, shards)


def chunks(records: Sequence[Record]) -> Iterator[tuple[int, Sequence[Record]]]:
    """Number and records of each part, in the order of the source."""
    for index, start in enumerate(range(0, len(records), CHUNK)):
        yield index, records[start : start + CHUNK]


def missing_parts(
    build_folder: BuildFolder, records: Sequence[Record]
) -> list[tuple[int, Sequence[Record]]]:
    """Those of `chunks` that the build folder does not hold yet."""
    return [part for part in chunks(records) if not build_folder.part(part[0]).exists()]


def batches(records: Sequence[Record]) -> Iterator[Batch]:
    """The records of a part, a task at a time."""
    for start in range(0, len(records), TASK):
        yield tuple(records[start : start + TASK])


def process(steps: Sequence[Stage], embedder: Embedder, batch: Batch) -> Batch:
    """`batch` through the stages and the embedder; images that are rejected keep their place."""
    return tuple(stages.embed(embedder, stages.run(steps, batch)))


def _in_order(
    work: Callable[[Batch], Batch], tasks: Iterator[Batch], workers: int, ahead: int
) -> Generator[Batch]:
    """Results of `work` in the order of `tasks`, which are handed out `ahead` of it."""
    waiting: deque[Future[Batch]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for batch in tasks:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
