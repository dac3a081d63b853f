"""Two folders of images, outputs and targets, scored under any protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmark.evaluation.hints import few, hint
from benchmark.metrics.score import score
from benchmark.protocol.published import PUBLISHED, score_published
from benchmark.protocol.tasks import TASKS
from faceref.console import say_aside
from faceref.errors import FaceRefError, UnreadableImage, unknown_choice
from faceref.reading.image import decode
from faceref.reading.image_format import IMAGE_ENDINGS

Score = Callable[[np.ndarray, np.ndarray], dict[str, float]]


def score_folders(outputs: Path, targets: Path, protocol: str) -> dict[str, dict[str, float]]:
    """Scores of each image, by its name without the ending, under a task or published protocol.

    Where another order of colours, a turn or a shift would raise PSNR by much, a line says so.
    Raises FaceRefError where an image is missing or too many, unreadable, or of another size or
    colour mode than its target.
    """
    measure = measure_of(protocol)
    high, low = image_files(targets), image_files(outputs)
    _need_the_same(set(low), set(high), outputs, targets)
    names = sorted(high)
    scores = {name: _score(measure, low[name], high[name]) for name in names}
    chosen = [names[row] for row in few(len(names))]
    if said := hint(*([read_rgb(there[name]) for name in chosen] for there in (low, high))):
        say_aside(said)
    return scores


def measure_of(protocol: str) -> Score:
    """The function that scores a pair of uint8 RGB images (H, W, 3) under `protocol`."""
    if protocol in TASKS:
        return score
    if protocol not in PUBLISHED:
        raise unknown_choice("protocol", protocol, [*TASKS, *PUBLISHED])
    return lambda output, target: score_published(PUBLISHED[protocol], output, target)


def read_rgb(path: Path) -> np.ndarray:
    """Upright uint8 RGB (H, W, 3); raises FaceRefError for another mode and for no image."""
    try:
        found = decode(path)
    except UnreadableImage as error:
        raise FaceRefError(f"Cannot read the image {path}: {error}.") from error
    if found.mode != "RGB":
        raise FaceRefError(f"{path} has the mode {found.mode}, expected RGB.")
    return found.pixels


def image_files(folder: Path) -> dict[str, Path]:
    """Images below `folder` by their name without the ending; raises FaceRefError for none."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")
    ]
    if not paths:
        raise FaceRefError(f"No images in {folder}. Give a folder of {', '.join(IMAGE_ENDINGS)}.")
    named: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in named:
            raise FaceRefError(f"{named[name]} and {path} have one name. Remove one.")
        named[name] = path
    return named


def _need_the_same(low: set[str], high: set[str], outputs: Path, targets: Path) -> None:
    for names, folder, other in ((high - low, outputs, targets), (low - high, targets, outputs)):
        if names:
            shown = ", ".join(sorted(names)[:3])
            raise FaceRefError(
                f"{len(names)} images of {other} are not in {folder}, such as {shown}. "
                "Names must be the same, endings may differ."
            )


def _score(measure: Score, output: Path, target: Path) -> dict[str, float]:
    low, high = read_rgb(output), read_rgb(target)
    if low.shape != high.shape:
        raise FaceRefError(
            f"{output} has {low.shape[1]}x{low.shape[0]} pixels, its target "
            f"{high.shape[1]}x{high.shape[0]}. Give outputs of the size of the targets."
        )
    return measure(low, high)
