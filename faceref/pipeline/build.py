"""The recipe of Face_Ref: this page is what a build does, in order.

source -> read -> find_face -> keep_large, keep_inside, ... -> encode -> describe -> embed
       -> the same with likeness to the label, where an image shows several faces alike
       -> who is who -> split -> mine -> certify -> write
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faceref.console import Progress
from faceref.curation.threshold_plot import MAKER
from faceref.embed.base import Embedder
from faceref.hardware import usable_cores
from faceref.outputs.ours import need_apart, need_new_or_ours, need_outside, need_replaceable
from faceref.outputs.working import put_in_place, settle, working_folder
from faceref.outputs.writable import need_file
from faceref.pipeline import stages
from faceref.pipeline.assemble import assemble
from faceref.pipeline.checkpoints import PARTS_VERSION, BuildFolder
from faceref.pipeline.likeness import choose_by_likeness
from faceref.pipeline.local_executor import Executor, LocalExecutor
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import MIN_PEOPLE, too_few_people
from faceref.record import Record
from faceref.sources.base import Source

PLOT_ENDINGS = (".png",)


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
        stages.chain(stages.read_for(embedder), stages.find_face(embedder, likes)),
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
    inputs: Iterable[Path] = (),
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
        overwrite: Whether a set `out` may be replaced.
        inputs: Where the source lies: `out` must lie elsewhere.
        workers: Number of threads; None for one more than cores, as OpenVINO has threads of its own
            for which ours wait.
        device: `cpu` or `cuda`, for the search and the LR encoder.
        progress: Is given the images done and all images, and after the last what is done next.
        executor: Makes the parts; None for threads of this process, see also `RayExecutor`.
        plot: A PNG to draw the calibration of the threshold to.

    Returns:
        The manifest, as `face_ref.json` has it.

    Raises:
        FaceRefError: For images or settings that make no set; then `out` is as it was.
    """
    recipe = recipe or Recipe()
    out, inputs = out.resolve(), list(inputs)
    check_outputs(out, plot, overwrite=overwrite, inputs=inputs)
    _refuse_few_people(source)
    settings = {
        "source": source.name,
        "images": _listing(source.records),
        "embedder": embedder.provenance(),
        **asdict(recipe.quality),
        "parts": PARTS_VERSION,
    }
    workers = workers or usable_cores() + 1
    executor = executor or LocalExecutor(workers)
    steps = partial(per_image_stages, embedder, recipe)
    with working_folder(out, "building", keep=True) as work:
        build_folder = BuildFolder.enter(work, settings)
        parts = executor(build_folder, source.records, steps(), embedder, progress)
        faces = choose_by_likeness(
            build_folder, parts, source.records, steps, embedder, workers, progress
        )
        made = work / "finished"
        images = len(source.records) + faces.chosen
        manifest = assemble(
            *(faces, source, embedder, recipe, made, device, plot, executor.mine_shards),
            stage=lambda name: progress(images, images, name) if progress else None,
        )
        put_in_place(made, out, overwrite=overwrite, inputs=inputs)
    return manifest


def check_outputs(
    out: Path, plot: Path | None, *, overwrite: bool, inputs: Iterable[Path] = ()
) -> None:
    """Raise FaceRefError where `build` could not write, or would replace what is not ours."""
    out = out.resolve()  # Also of `.`, which has no name beside which to work.
    settle(out, "building")
    need_replaceable(out, overwrite=overwrite, inputs=inputs)
    if plot is not None:
        need_file(plot, "--calibration-plot", PLOT_ENDINGS)
        need_new_or_ours(plot, MAKER, option="--calibration-plot")
        need_outside(plot, out, "--calibration-plot")
        for path in inputs:
            need_apart(plot, path)


def _refuse_few_people(source: Source) -> None:
    people = {record.identity for record in source.records}
    if all(people) and len(people) < MIN_PEOPLE:
        raise too_few_people(len(people), "can be found in the source")


def _listing(records: Sequence[Record]) -> dict[str, str]:
    """A mark of each image by its id: of its label, size and given landmarks."""
    marks = {}
    for record in records:
        digest = hashlib.sha256(f"{record.identity}\t{record.size}".encode())
        if record.landmarks is not None:
            digest.update(record.landmarks.tobytes())
        marks[record.image_id] = digest.hexdigest()[:16]
    return marks
