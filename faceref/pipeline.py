"""The recipe of Face_Ref: this page is what a build does, in order.

source -> read -> find_face -> keep_large -> keep_inside -> encode -> embed
       -> who is who -> split -> mine -> certify -> write
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceref import stages
from faceref.assemble import assemble
from faceref.duplicates import face_hashes
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError, UnusableError
from faceref.machine import usable_cores
from faceref.mine import Mining
from faceref.parts import CHUNK, Workshop
from faceref.record import Record
from faceref.sources.base import Source
from faceref.split import MIN_PEOPLE, SplitRule, too_few_people

Progress = Callable[[int, int], None]
"""Told the images done and the images in all."""
Engine = Callable[[Workshop, Source, Embedder, "Recipe", "Progress | None"], int]
"""Makes the parts that a workshop lacks and returns how many there are in all.

What it writes must not depend on the engine: a build may begin with one and go on with another.
"""


@dataclass(frozen=True)
class Recipe:
    """The choices of a build, apart from its source and its embedder."""

    mining: Mining = field(default_factory=Mining)
    split: SplitRule = field(default_factory=SplitRule)
    min_eye_distance: float = 12.0
    """Source pixels between the eyes; below, a face is rejected."""
    min_inside: float = 0.6
    """Fraction of the aligned face that must lie in the image."""
    same_person: float | None = None
    """Identity cosine from which two images are tied as one person; None calibrates it."""

    def __post_init__(self) -> None:
        if self.same_person is not None and not -1 <= self.same_person <= 1:
            raise FaceRefError(f"--same-person {self.same_person}: a cosine, from -1 to 1.")


def per_image_stages(embedder: Embedder, recipe: Recipe) -> list[stages.Stage]:
    """What happens to one image before it is embedded."""
    return [
        stages.read,
        stages.find_face(embedder),
        stages.keep_large(recipe.min_eye_distance),
        stages.keep_inside(recipe.min_inside),
        stages.encode,
    ]


def build(
    source: Source,
    embedder: Embedder,
    out: Path,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> dict[str, Any]:
    """Build Face_Ref from `source` in the folder `out` and return its manifest.

    An interrupted build goes on where it stopped when it is called again. Images that cannot be
    used are counted and listed with a reason. The same inputs give the same bytes. `workers` is the
    number of threads, None for one a core. `engine` makes the parts elsewhere, as
    `ray_engine.RayEngine` does; None makes them here. Raises FaceRefError; then `out` is as it was.
    """
    recipe = recipe or Recipe()
    refuse_existing(out, overwrite)
    _refuse_few_people(source)
    settings = {
        "source": source.name,
        "images": _listing_digest(source.records),
        "embedder": embedder.provenance(),
        "min_eye_distance": recipe.min_eye_distance,
        "min_inside": recipe.min_inside,
    }
    workshop = Workshop.enter(out, settings)
    engine = engine or partial(_make_parts, workers=workers or usable_cores())
    parts = engine(workshop, source, embedder, recipe, progress)
    finished = workshop.root / "finished"
    try:
        manifest = assemble(workshop, parts, source, embedder, recipe, finished, device)
    except UnusableError:
        shutil.rmtree(workshop.root)
        raise
    _move_into_place(finished, out)
    shutil.rmtree(workshop.root)
    return manifest


def refuse_existing(out: Path, overwrite: bool) -> None:
    """Raise FaceRefError where `out` exists and may not be replaced."""
    if out.exists() and not overwrite:
        raise FaceRefError(
            f"{out} exists already. Give --overwrite to replace it, or choose another --out."
        )


def _refuse_few_people(source: Source) -> None:
    people = {record.identity for record in source.records}
    if all(people) and len(people) < MIN_PEOPLE:
        raise too_few_people(len(people))


def _listing_digest(records: Sequence[Record]) -> str:
    digest = hashlib.sha256()
    for record in records:
        line = f"{record.image_id}\t{record.identity}\t{_size(record)}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
        if record.landmarks is not None:
            digest.update(record.landmarks.tobytes())
    return digest.hexdigest()


def _size(record: Record) -> int:
    if record.path is not None:
        return record.path.stat().st_size
    return len(record.data or b"") if record.blob is None else record.blob.size


def chunks(records: Sequence[Record]) -> Iterator[tuple[int, Sequence[Record]]]:
    """Number and records of each part, in the order of the source."""
    for index, start in enumerate(range(0, len(records), CHUNK)):
        yield index, records[start : start + CHUNK]


def _make_parts(
    workshop: Workshop,
    source: Source,
    embedder: Embedder,
    recipe: Recipe,
    progress: Progress | None,
    workers: int,
) -> int:
    parts, done = 0, 0

    def tell(images: int) -> None:
        if progress:
            progress(done + images, len(source.records))

    with ThreadPoolExecutor(workers) as pool:
        for index, chunk in chunks(source.records):
            if not workshop.part(index).exists():
                make_part(workshop, index, chunk, embedder, recipe, pool, tell)
            tell(len(chunk))
            parts, done = parts + 1, done + len(chunk)
    return parts


def make_part(
    workshop: Workshop,
    index: int,
    chunk: Sequence[Record],
    embedder: Embedder,
    recipe: Recipe,
    pool: ThreadPoolExecutor,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Take `chunk` through all stages in the threads of `pool` and write it as part `index`.

    `tell` is called with the images done, up to the embedding.
    """
    per_image = partial(stages.run, per_image_stages(embedder, recipe))
    done: list[Record] = []
    for record in pool.map(per_image, chunk):
        done.append(record)
        if tell:
            tell(len(done))
    done = _embed(done, embedder, pool)
    thumbnails = list(map(_thumbnail, done))
    hashes = list(pool.map(_hashes, done))
    bare = [record.having(face=None) for record in done]
    workshop.write_part(index, bare, thumbnails, hashes)


def _embed(records: list[Record], embedder: Embedder, pool: ThreadPoolExecutor) -> list[Record]:
    usable = [row for row, record in enumerate(records) if record.face is not None]
    size = embedder.batch_size
    batches = [usable[start : start + size] for start in range(0, len(usable), size)]
    faces = (np.stack([records[row].face for row in batch]) for batch in batches)  # pyright: ignore
    result = list(records)
    for batch, vectors in zip(batches, pool.map(embedder.embed, faces), strict=True):
        for row, vector in zip(batch, vectors, strict=True):
            result[row] = records[row].having(embedding=vector)
    return result


def _thumbnail(record: Record) -> np.ndarray | None:
    if record.face is None:
        return None
    return np.asarray(Image.fromarray(record.face).resize((16, 16), Image.Resampling.BICUBIC))


def _hashes(record: Record) -> bytes | None:
    return None if record.face is None else face_hashes(record.face)


def _move_into_place(finished: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    old = finished.with_name("replaced")
    if out.exists():
        out.replace(old)
    finished.replace(out)
