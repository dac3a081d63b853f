"""The local engine: threads that take images through the stages, batch by batch, into parts.

One task is a batch of images from file to embedding. Tasks are handed out ahead of what is being
written, so that no thread waits for a part; results are taken in the order of the source, so that
the number of threads does not matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np

from faceref import stages
from faceref.embed.base import Embedder
from faceref.parts import Workshop
from faceref.record import Record
from faceref.stages import Stage

CHUNK = 512
"""Images a part."""
LARGEST_BATCH = 32
AHEAD = 4
"""Tasks a thread that are handed out before the first is taken back."""
Progress = Callable[[int, int], None]
"""Told the images done and the images in all."""
Batch = tuple[Record, ...]


def make_parts(
    workshop: Workshop,
    records: Sequence[Record],
    steps: Sequence[Stage],
    embedder: Embedder,
    workers: int,
    progress: Progress | None = None,
) -> int:
    """Write all parts that are not there yet; returns the number of parts."""
    total = -(-len(records) // CHUNK)
    missing = [index for index in range(total) if not workshop.part(index).exists()]
    done = len(records) - sum(len(_chunk(records, index)) for index in missing)
    if progress:
        progress(done, len(records))
    size = max(1, min(embedder.batch_size, LARGEST_BATCH))
    batches = (batch for index in missing for batch in _batches(_chunk(records, index), size))
    finished = _in_order(partial(process, steps, embedder), batches, workers)
    for index in missing:
        part: list[Record] = []
        while len(part) < len(_chunk(records, index)):
            batch = next(finished)
            part.extend(batch)
            done += len(batch)
            if progress:
                progress(done, len(records))
        workshop.write_part(index, part)
    return total


def process(steps: Sequence[Stage], embedder: Embedder, batch: Batch) -> Batch:
    """`batch` through the stages and the embedder; images that are rejected keep their place."""
    records = [stages.run(steps, record) for record in batch]
    usable = [place for place, record in enumerate(records) if record.face is not None]
    if usable:
        vectors = embedder.embed(np.stack([records[place].face for place in usable]))  # pyright: ignore
        for place, vector in zip(usable, vectors, strict=True):
            records[place] = records[place].having(embedding=vector, face=None)
    return tuple(records)


def _chunk(records: Sequence[Record], index: int) -> Sequence[Record]:
    return records[index * CHUNK : (index + 1) * CHUNK]


def _batches(records: Sequence[Record], size: int) -> Iterator[Batch]:
    for start in range(0, len(records), size):
        yield tuple(records[start : start + size])


def _in_order(
    work: Callable[[Batch], Batch], batches: Iterator[Batch], workers: int
) -> Iterator[Batch]:
    """Results of `work` in the order of `batches`, a bounded number of tasks ahead."""
    waiting: deque[Future[Batch]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
