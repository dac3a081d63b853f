"""The second round of a build: whose face is meant where an image shows several alike.

The first round takes each image for itself and rejects such an image. Where other images of its
label show one face beyond doubt, it goes through the stages again, and the face nearest to those
is taken. What the round makes lies in parts of its own, so that a build that is interrupted in it
goes on, and chooses from the same faces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from faceref.console import Progress
from faceref.embed.base import Embedder, normalise
from faceref.pipeline.checkpoints import BuildFolder
from faceref.pipeline.local_executor import LocalExecutor
from faceref.pipeline.stages import SEVERAL, Stage
from faceref.record import Record


@dataclass(frozen=True, eq=False)
class Finished:
    """What both rounds made: one row an image, in the order of the source."""

    first: BuildFolder
    parts: int
    """Of the first round."""
    second: BuildFolder
    second_parts: int
    places: np.ndarray
    """Rows of the images that went through both, ascending."""

    @property
    def chosen(self) -> int:
        """How many of those the second round made usable."""
        if not len(self.places):
            return 0
        return self.second.read(self.second_parts, ["reject"])["reject"].null_count

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The named columns of all images, part by part."""
        again = self.second.read(self.second_parts, columns) if len(self.places) else None
        start = 0
        for table in self.first.tables(self.parts, columns):
            rows, end = np.arange(table.num_rows), start + table.num_rows
            first, last = np.searchsorted(self.places, (start, end))
            if again is not None and first < last:
                rows[self.places[first:last] - start] = table.num_rows + np.arange(last - first)
                table = pa.concat_tables([table, again.slice(first, last - first)]).take(rows)
            yield table
            start = end

    def images(self) -> Iterator[bytes | None]:
        """The encoded aligned faces of all images, None for rejected ones."""
        again, places = self.second.images(self.second_parts), set(self.places.tolist())
        for row, image in enumerate(self.first.images(self.parts)):
            yield next(again) if row in places else image


def choose_by_likeness(
    build_folder: BuildFolder,
    parts: int,
    records: Sequence[Record],
    steps: Callable[[Mapping[str, np.ndarray]], Sequence[Stage]],
    embedder: Embedder,
    workers: int,
    progress: Progress | None = None,
) -> Finished:
    """Decide the images with several faces alike that others of their label can decide.

    Args:
        build_folder: With the finished parts of the first round.
        parts: How many there are.
        records: All of the source, in its order.
        steps: The stages of an image, given a normalised embedding of each label.
        embedder: Of the first round.
        workers: Threads.
        progress: Is given the images done, of both rounds, and all images, with a word about it.
    """
    places, likes = _undecided(build_folder, parts)
    second = BuildFolder(build_folder.root / "several")
    again = [records[place] for place in places]
    if again:
        (second.root / "parts").mkdir(parents=True, exist_ok=True)
        say = progress and partial(_say_second, progress, len(records))
        made = LocalExecutor(workers)(second, again, steps(likes), embedder, say)
    return Finished(build_folder, parts, second, made if again else 0, places)


def _say_second(progress: Progress, first: int, done: int, total: int) -> None:
    progress(first + done, first + total, "choosing among several faces")


def _undecided(build_folder: BuildFolder, parts: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows of images with several faces alike whose label has others, and what those look like."""
    table = build_folder.read(parts, ["image_id", "identity", "reject"])
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    several, usable = dict[int, str](), dict[str, list[int]]()
    for place, (image_id, identity, reject) in enumerate(rows):
        if reject is None:
            usable.setdefault(identity, []).append(place)
        elif reject.partition(": ")[0] == SEVERAL and identity != image_id:
            several[place] = identity
    labels = set(several.values()) & set(usable)
    if not labels:
        return np.zeros(0, int), {}
    vectors = build_folder.read(parts, ["embedding"])["embedding"]
    likes = {
        label: normalise(
            np.array(vectors.take(usable[label]).to_pylist(), np.float32).mean(0)[None]
        )[0]
        for label in labels
    }
    places = [place for place, label in several.items() if label in likes]
    return np.array(places, int), likes
