"""Leaderboards by kind of face: attributes that the source has, and what was measured of each
image.

A slice is a name and the images that it holds. Where a difference lies in glasses or in turned
heads, a mean over all faces does not show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.metrics.registry import METRICS, metric_info
from benchmark.report.forest_plot import draw_differences
from benchmark.results.find import find_leaderboard
from benchmark.results.paired import Paired, corrected, paired
from benchmark.results.ranking import need_scores, scores_of, without_number
from benchmark.results.result import Result, label, on_shared_trainings
from faceref.dataset.agreement import MOST_WORDS
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError
from faceref.files import write_text
from faceref.markdown import markdown_table
from faceref.reading.attributes import NO, YES, read_attributes

LEAST = 20
"""Images below which a slice is left out: its interval would say nothing."""
MEASURED = {"sharpness": "sharpness", "eye_distance": "distance of the eyes, px"}
ANGLES = {"yaw": "head turned", "pitch": "head tilted up or down"}
THIRDS = ("lowest third", "middle third", "highest third")


@dataclass(frozen=True, eq=False)
class Slice:
    """Images that have something in common."""

    name: str
    images: np.ndarray
    """bool (N,), in the order of the scores."""


@dataclass(frozen=True)
class SliceRow(Paired):
    """One method minus another within one slice; p is corrected by Holm over all slices."""

    name: str
    images: int
    means: tuple[float, float]
    """Of the method and of its rival."""


def slices_of_face_ref(face_ref: FaceRef, split: str, image_ids: Sequence[str]) -> list[Slice]:
    """Thirds of what was measured of each image when the set was built.

    Raises FaceRefError where the set lacks one of the images.
    """
    ids, quality = face_ref.column(split, "image_id"), face_ref.column(split, "quality")
    known = dict(zip(ids, quality, strict=True))
    missing = [image for image in image_ids if image not in known]
    if missing:
        raise FaceRefError(
            f"{face_ref.root} has no {missing[0]!r} in its split {split!r}, and lacks "
            f"{len(missing)} of {len(image_ids)} images. Give the Face_Ref that the results are of."
        )
    found = []
    for name, title in {**ANGLES, **MEASURED}.items():
        values = np.array([(known[image] or {}).get(name) for image in image_ids], np.float64)
        found += _thirds(title, np.abs(values) if name in ANGLES else values)
    return found


def _thirds(title: str, values: np.ndarray) -> list[Slice]:
    known = np.isfinite(values)
    if not known.any():
        return []
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    parts = (values <= low, (values > low) & (values <= high), values > high)
    return [
        Slice(f"{title}: {third}", part & known)
        for third, part in zip(THIRDS, parts, strict=True)
        if low < high
    ]


def slices_of_table(path: Path, image_ids: Sequence[str]) -> list[Slice]:
    """Slices of a table of attributes: CelebA's `list_attr_celeba.txt`, or CSV with `image_id`.

    A column of -1 and 1, 0 and 1, or no and yes gives two slices; one of words gives a slice for
    each. Names are matched with image ids whole, or without folder and ending. Raises FaceRefError
    for a file that cannot be read, or where images are not in it.
    """
    found = read_attributes(path, image_ids)
    return [part for name, values in found.items() for part in _by_value(name, values)]


def _by_value(name: str, values: np.ndarray) -> list[Slice]:
    words = sorted({*values.tolist()} - {""})
    if set(words) <= {*NO, *YES}:
        yes = np.isin(values, YES)
        return [Slice(name, yes), Slice(f"not {name}", ~yes & (values != ""))]
    if len(words) > MOST_WORDS:
        return []
    return [Slice(f"{name}: {word}", values == word) for word in words]


def compare_in_slices(
    method: Result, rival: Result, slices: Sequence[Slice], metric: str = METRICS[0]
) -> list[SliceRow]:
    """`method` against `rival` in each slice of at least `LEAST` images, all images first.

    Images without a number of either, such as faces in which no landmarks were found, are left out.
    Of results that share trainings only these are compared.
    """
    method, rival = on_shared_trainings(method, rival)
    scores = scores_of([method, rival], metric)
    known = ~without_number([method, rival], metric)
    used = [Slice("all", known), *(replace(one, images=one.images & known) for one in slices)]
    used = [one for one in used if one.images.sum() >= LEAST]
    return corrected([_slice_row(one, scores, method.people) for one in used])


def _slice_row(one: Slice, scores: np.ndarray, people: np.ndarray) -> SliceRow:
    first, second = scores[:, one.images]
    means = float(first.mean()), float(second.mean())
    found = asdict(paired(first, second, people[one.images]))
    return SliceRow(**found, name=one.name, images=len(first), means=means)


def find_row(results: Sequence[Result], wanted: str) -> Result:
    """The row of a leaderboard that is labelled `wanted`, or the only one of that method.

    Raises FaceRefError that lists the labels.
    """
    by_label = [row for row in results if label(row) == wanted]
    found = by_label or [row for row in results if row.method == wanted]
    if len(found) != 1:
        raise FaceRefError(
            f"{wanted!r} is {'no row' if not found else f'{len(found)} rows'} of this leaderboard. "
            f"Rows: {', '.join(repr(label(row)) for row in results)}."
        )
    return found[0]


def markdown(method: Result, rival: Result, rows: Sequence[SliceRow], metric: str) -> str:
    """A table of the slices."""
    known = metric_info(metric)
    head = f"# {label(method)} against {label(rival)}, by kind of face"
    about = (
        f"`{method.task}`, {method.faces_text}; {known.heading}. Differences are paired face "
        "by face, with 95 % bootstrap intervals over people; p is corrected for the number of "
        f"slices (Holm). Slices of fewer than {LEAST} faces are left out"
        f"{_without(method, rival, metric)}."
    )
    columns = ["faces", "number", label(method), label(rival), "difference [95 %]", "p"]
    cells = [
        [
            row.name,
            f"{row.images:,}",
            *(f"{mean:.{known.digits}f}" for mean in row.means),
            row.text(max(3, known.digits)),
            "< 0.001" if row.p < 0.001 else f"{row.p:.3f}",
        ]
        for row in rows
    ]
    return "\n\n".join([head, about, "\n".join(markdown_table(columns, cells))]) + "\n"


def _without(method: Result, rival: Result, metric: str) -> str:
    lacking = int(without_number([method, rival], metric).sum())
    return f", and so are {lacking:,} faces of which one has no number" if lacking else ""


@dataclass(frozen=True)
class Wanted:
    """Which two rows of which leaderboard to compare."""

    method: str
    against: str
    budget: str = "small"
    task: str = ""
    metric: str = "psnr_y"


def write_slices(
    results: Path, wanted: Wanted, face_ref: FaceRef | None, attributes: Path | None, out: Path
) -> str:
    """Write the page `out`, and the figure beside it; returns the text.

    Raises FaceRefError where neither `face_ref` nor `attributes` is given.
    """
    if face_ref is None and attributes is None:
        raise FaceRefError(
            "Slices of what? Give --face-ref (pose, sharpness, size), or --attributes FILE."
        )
    data = "" if face_ref is None else data_revision(face_ref)
    key, leaderboard = find_leaderboard(results, wanted.budget, wanted.task, data)
    try:
        method, rival = find_row(leaderboard, wanted.method), find_row(leaderboard, wanted.against)
    except FaceRefError as error:
        raise FaceRefError(
            f"{error} It is that of --task {key.task} and --budget {key.budget}."
        ) from None
    ids = method.image_ids
    need_scores([method, rival], wanted.metric)
    slices: list[Slice] = []
    if face_ref is not None:
        slices += slices_of_face_ref(face_ref, method.split, ids)
    if attributes is not None:
        slices += slices_of_table(attributes, ids)
    rows = compare_in_slices(method, rival, slices, wanted.metric)
    text = markdown(method, rival, rows, wanted.metric)
    title = f"{label(method)} minus {label(rival)}"
    names = [f"{row.name} ({row.images:,})" for row in rows]
    draw_differences(names, rows, out.with_suffix(".png"), title, wanted.metric)
    write_text(out, text)
    return text
