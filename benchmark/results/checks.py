"""What must hold for a result to be on a leaderboard, whoever made the file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmark.methods.names import PLAIN, is_plain, is_title
from benchmark.metrics.registry import METRICS
from benchmark.results.result import Result, image_digest

ROUNDING = 1e-3
"""How far a recorded mean may lie from that of the scores: scores are rounded to four decimals."""
RANGES = {"psnr": (0.0, 100.0), "ssim": (-1.0, 1.0), "identity": (-1.0, 1.0)}
"""By the beginning of a metric's name."""
_TYPES: dict[str, tuple[type, ...]] = {
    "task": (str,),
    "method": (str,),
    "title": (str,),
    "budget": (str, type(None)),
    "split": (str,),
    "references": (int,),
    "reference_list": (str, type(None)),
    "data_revision": (str,),
    "images": (int,),
    "images_sha256": (str,),
    "image_ids": (list,),
    "scores": (dict,),
    "means": (dict,),
    "parameters": (int, type(None)),
    "macs": (int, type(None)),
    "milliseconds": (int, float, type(None)),
    "training": (dict, type(None)),
    "seed": (int, type(None)),
    "hardware": (dict,),
    "versions": (dict,),
    "set_scores": (dict,),
    "metric_sources": (dict,),
    "weights": (dict, type(None)),
    "adaptation": (dict, type(None)),
}


def problems(result: Result) -> list[str]:
    """What is wrong with `result`, in words; empty where nothing is."""
    found = list(_types(result))
    if found:
        return found
    try:
        return [*_scores(result), *_means(result), *_set_scores(result), *_images(result)]
    except (TypeError, ValueError):
        return ["scores that are no numbers"]


def _types(result: Result) -> Iterator[str]:
    for name, types in _TYPES.items():
        value = getattr(result, name)
        if not isinstance(value, types) or isinstance(value, bool):
            wanted = " or ".join("null" if t is type(None) else t.__name__ for t in types)
            yield f"{name} is {value!r:.40}, expected {wanted}"
    for name in ("task", "method", "split", "budget", "reference_list"):
        value = getattr(result, name)
        if isinstance(value, str) and not is_plain(value.replace("@", "-")):
            yield f"{name} is {value!r:.80}, expected a plain name ({PLAIN})"
    if isinstance(result.title, str) and not is_title(result.title):
        yield f"title is {result.title!r:.80}, expected one short line"


def _scores(result: Result) -> Iterator[str]:
    for metric in METRICS:
        if metric not in result.scores:
            yield f"no scores of {metric}"
    for metric, row in result.scores.items():
        if len(row) != result.images:
            yield f"{len(row)} scores of {metric} for {result.images} images"
        else:
            yield from _numbers(metric, row)


def _numbers(metric: str, row: Sequence[Any]) -> Iterator[str]:
    values = _values(row)
    # None, "this image has none", is allowed only where a metric may fail to find a face.
    missing = [value is None for value in row] if np.isnan(values).any() else []
    if metric in METRICS and any(missing):
        yield f"{sum(missing)} images without {metric}"
    bad = ~np.isfinite(values)
    bad[np.flatnonzero(missing)] = False
    if bad.any():
        yield f"{metric} of image {int(np.argmax(bad)) + 1} is {values[np.argmax(bad)]}"
        return
    low, high = _range(metric)
    outside = (values < low) | (values > high)
    if outside.any():
        place = int(np.argmax(outside))
        yield f"{metric} of image {place + 1} is {values[place]}, outside [{low:g}, {high:g}]"


def _values(row: Sequence[Any]) -> np.ndarray:
    """float64 (N,); None becomes NaN."""
    return np.array(row, np.float64)


def _range(metric: str) -> tuple[float, float]:
    return next((RANGES[kind] for kind in RANGES if metric.startswith(kind)), (-math.inf, math.inf))


def _means(result: Result) -> Iterator[str]:
    for metric in METRICS:
        if metric not in result.means:
            yield f"no mean of {metric}"
    for metric, mean in result.means.items():
        if not isinstance(mean, (int, float)) or not math.isfinite(mean):
            yield f"the mean of {metric} is {mean!r}"
        elif metric not in result.scores:
            yield f"a mean of {metric} without scores"
        else:
            yield from _mean(metric, mean, result.scores[metric])


def _mean(metric: str, mean: float, row: Sequence[float | None]) -> Iterator[str]:
    values = _values(row)
    known = values[~np.isnan(values)]
    if not known.size:
        yield f"a mean of {metric} without scores"
    elif not abs(known.mean() - mean) <= ROUNDING:
        yield f"the mean of {metric} is {mean}, that of its scores {known.mean():.4f}"


def _set_scores(result: Result) -> Iterator[str]:
    for metric, value in result.set_scores.items():
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            yield f"{metric} is {value!r}"


def _images(result: Result) -> Iterator[str]:
    if result.images < 1:
        yield f"{result.images} images"
    if len(result.image_ids) != result.images:
        yield f"{len(result.image_ids)} image ids for {result.images} images"
    elif len(set(result.image_ids)) != result.images:
        yield "an image id that is there twice"
    elif image_digest(result.image_ids) != result.images_sha256:
        yield "image ids that are not those of images_sha256"
