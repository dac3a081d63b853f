"""Make a folder of synthetic people: parallel, resumable, the same bytes for the same seed."""

from __future__ import annotations

import csv
import importlib.util
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError
from faceref.files import replacing, write_json
from faceref.reading.json_file import read_json

if TYPE_CHECKING:
    import numpy as np

    from faceref.synthetic.portrait import Studio

VERSION = 1
"""Raised whenever the same seed gives other pixels."""
SAMPLES = 24
QUALITY = 94
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
LANDMARKS, DESCRIPTION = "landmarks.csv", "synthetic.json"
HEADER = ["image_id", *(f"{point}_{axis}" for point in POINTS for axis in "xy")]


@dataclass(frozen=True)
class Recipe:
    """All that the pixels of a picture depend on."""

    seed: int
    size: int
    """Pixels across the square image."""
    samples_per_pixel: int
    quality: int = QUALITY
    """Of the JPEG, 4:4:4."""
    version: int = VERSION


@dataclass(frozen=True)
class GenerateReport:
    """What a call of `generate` did."""

    out: Path
    images: int
    """Images in the folder."""
    rendered: int
    """Images made by this call."""
    seconds: float


def identity_name(index: int) -> str:
    """Name of identity `index`, such as `p007`."""
    return f"p{index:03d}"


def image_path(out: Path, index: int, shot: int) -> Path:
    """Where picture `shot` of identity `index` lies."""
    name = identity_name(index)
    return out / name / f"{name}_{shot}.jpg"


def require_packages() -> None:
    """Raise `FaceRefError` unless anny and mitsuba are installed."""
    from faceref.synthetic.head import MISSING

    if not all(importlib.util.find_spec(name) for name in ("anny", "mitsuba")):
        raise FaceRefError(MISSING)


def generate(
    out: Path,
    *,
    identities: int,
    per_identity: int,
    seed: int,
    size: int = 128,
    workers: int | None = None,
    samples_per_pixel: int = SAMPLES,
) -> GenerateReport:
    """Render `identities` x `per_identity` faces into `out`.

    Writes `<identity>/<identity>_<shot>.jpg`, `landmarks.csv` (five points a picture in pixels,
    image left first, (0, 0) the centre of the first pixel) and `synthetic.json`. Pictures that are
    there already are kept. Raises `FaceRefError` where `out` holds pictures of another recipe or
    the packages of the extra `synthetic` are missing.
    """
    require_packages()
    counts = {"identities": identities, "per_identity": per_identity, "size": size}
    for name, value in (counts | {"samples_per_pixel": samples_per_pixel}).items():
        if value < 1:
            raise FaceRefError(f"{name} is {value}: give 1 or more")
    start = time.monotonic()
    recipe = Recipe(seed, size, samples_per_pixel)
    _describe(out, recipe, identities, per_identity)
    results = _run(out, recipe, identities, per_identity, workers)
    done = sorted(_progress(results, identities))
    _write_landmarks(out, [row for _, _, rows in done for row in rows])
    rendered = sum(made for _, made, _ in done)
    return GenerateReport(out, identities * per_identity, rendered, time.monotonic() - start)


Result = tuple[int, int, list[list[str]]]
"""Identity, pictures rendered, rows of the landmark table."""


def _run(
    out: Path, recipe: Recipe, identities: int, pictures: int, workers: int | None
) -> Iterator[Result]:
    jobs = [(out, recipe, index, pictures) for index in range(identities)]
    workers = min(workers or os.cpu_count() or 1, identities)
    if workers == 1:
        yield from (render_identity(*job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(render_identity, *job) for job in jobs]
        yield from (future.result() for future in as_completed(futures))


def _progress(results: Iterator[Result], total: int) -> Iterator[Result]:
    from rich.progress import track

    return iter(track(results, "Rendering people", total=total))


@lru_cache(maxsize=1)
def _studio() -> Studio:
    from faceref.synthetic.portrait import Studio

    return Studio()


def render_identity(out: Path, recipe: Recipe, index: int, pictures: int) -> Result:
    """Render those of the first `pictures` of identity `index` that are missing."""
    from faceref.synthetic.identity import draw_person
    from faceref.synthetic.portrait import Sitter, landmarks
    from faceref.synthetic.shot import draw_shot

    studio = _studio()
    person = draw_person(recipe.seed, index, studio.head.shape_names)
    shots = [draw_shot(recipe.seed, index, k) for k in range(pictures)]
    missing = [k for k in range(len(shots)) if not image_path(out, index, k).exists()]
    if missing:
        sitter = Sitter(studio, person)
        for k in missing:
            pixels = sitter.take(shots[k], recipe.size, recipe.samples_per_pixel)
            _write_jpeg(image_path(out, index, k), pixels, recipe.quality)
    rows = []
    for k, shot in enumerate(shots):
        points = landmarks(studio, person, shot, recipe.size)
        image_id = image_path(out, index, k).relative_to(out).with_suffix("").as_posix()
        rows.append([image_id, *(f"{value:.3f}" for value in points.ravel())])
    return index, len(missing), rows


def _write_jpeg(path: Path, pixels: np.ndarray, quality: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    with replacing(path) as temporary:
        image.save(temporary, "JPEG", quality=quality, subsampling="4:4:4", optimize=True)


def _write_landmarks(out: Path, rows: list[list[str]]) -> None:
    with (
        replacing(out / LANDMARKS) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])


def read_landmarks(folder: Path) -> dict[str, list[float]]:
    """Ten numbers x0, y0, ..., x4, y4 in pixels for each image id of a generated folder."""
    from faceref.sources.text_table import read_points

    return read_points(folder / LANDMARKS, HEADER[0], HEADER[1:], "Generate the folder again.")


def read_description(folder: Path) -> dict[str, object]:
    """The `synthetic.json` of a generated folder."""
    path = folder / DESCRIPTION
    if not path.exists():
        raise FaceRefError(f"{folder} was not made by `faceref synth`: it has no {DESCRIPTION}")
    return read_json(path, "Delete the folder, or choose another.")


def _describe(out: Path, recipe: Recipe, identities: int, per_identity: int) -> None:
    wanted = asdict(recipe)
    if out.is_dir() and any(out.iterdir()):
        read_description(out)
    if (out / DESCRIPTION).exists():
        found = read_description(out)["recipe"]
        if found != wanted:
            raise FaceRefError(
                f"{out} holds pictures of {found}, not {wanted}: choose another folder"
            )
    packages = {name: metadata.version(name) for name in ("anny", "mitsuba", "numpy", "pillow")}
    counts = {"identities": identities, "per_identity": per_identity}
    content = {"recipe": wanted, **counts, "packages": packages}
    write_json(out / DESCRIPTION, content)
