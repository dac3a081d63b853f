"""The recipe of Face_Ref: this page is what a build does, in order.

source -> read -> find_face -> keep_large, keep_inside, ... -> encode -> describe -> embed
       -> the same with likeness to the label, where an image shows several faces alike
       -> who is who -> split -> mine -> certify -> write
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faceref.console import Progress
from faceref.embed.base import Embedder
from faceref.errors import UnusableError
from faceref.files import refuse_existing
from faceref.hardware import usable_cores
from faceref.pipeline import stages
from faceref.pipeline.assemble import assemble
from faceref.pipeline.checkpoints import PARTS_VERSION, BuildFolder
from faceref.pipeline.likeness import choose_by_likeness
from faceref.pipeline.local_executor import Executor, LocalExecutor
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import MIN_PEOPLE, too_few_people
from faceref.record import Record
from faceref.sources.base import Source


def per_image_stages(
    embedder: Embedder, recipe: Recipe, likes: Mapping[str, np.ndarray] | None = None
) -> list[stages.Stage]:
    """What happens to one image before it is embedded; `likes` is for `stages.find_face`."""
    rule = recipe.quality
    wanted = [
        (stages.keep_large, rule.min_eye_distance),
        (stages.keep_inside, rule.min_inside),
        (stages.keep_sharp, rule.min_sharpness),
        (stages.keep_frontal, rule.max_yaw),
        (stages.keep_sure, rule.min_score),
    ]
    return [
        stages.chain(stages.read, stages.find_face(embedder, likes)),
        *(stage(limit) for stage, limit in wanted if limit is not None),
        stages.encode,
        stages.describe,
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
    executor: Executor | None = None,
    plot: Path | None = None,
) -> dict[str, Any]:
    """Build Face_Ref from `source` in the folder `out` and return its manifest.

    An interrupted build goes on where it stopped when it is called again. Images that cannot be
    used are counted and listed with a reason. The same inputs give the same bytes.

    Args:
        source: Where the faces come from.
        embedder: Detects, aligns and embeds them.
        out: The folder to write.
        recipe: The choices of the build; None for the defaults.
        overwrite: Whether a folder `out` may be replaced.
        workers: Number of threads; None for one a core.
        device: `cpu` or `cuda`, for the search and the LR encoder.
        progress: Is given the images done and all images.
        executor: Makes the parts; None for threads of this process, see also `RayExecutor`.
        plot: A PNG to draw the calibration of the threshold to.

    Returns:
        The manifest, as `face_ref.json` has it.

    Raises:
        FaceRefError: For images or settings that make no set; then `out` is as it was.
    """
    recipe = recipe or Recipe()
    refuse_existing(out, overwrite)
    _refuse_few_people(source)
    settings = {
        "source": source.name,
        "images": _listing_digest(source.records),
        "embedder": embedder.provenance(),
        **asdict(recipe.quality),
        "parts": PARTS_VERSION,
    }
    build_folder = BuildFolder.enter(out, settings)
    workers = workers or usable_cores()
    executor = executor or LocalExecutor(workers)
    steps = partial(per_image_stages, embedder, recipe)
    parts = executor(build_folder, source.records, steps(), embedder, progress)
    faces = choose_by_likeness(build_folder, parts, source.records, steps, embedder, workers)
    finished = build_folder.root / "finished"
    try:
        manifest = assemble(faces, source, embedder, recipe, finished, device, plot)
    except UnusableError:
        shutil.rmtree(build_folder.root)
        raise
    _move_into_place(finished, out)
    shutil.rmtree(build_folder.root)
    return manifest


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


def _move_into_place(finished: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    old = finished.with_name("replaced")
    if out.exists():
        out.replace(old)
    finished.replace(out)
