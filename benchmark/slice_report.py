"""The page and figure of one comparison by kind of face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.difference_plot import Drawn, draw_differences
from benchmark.result_files import read_all
from benchmark.results import Result, boards, label
from benchmark.slices import (
    Slice,
    compare_in_slices,
    find_row,
    markdown,
    slices_of_face_ref,
    slices_of_table,
)
from faceref.atomic import write_text
from faceref.errors import FaceRefError


@dataclass(frozen=True)
class Wanted:
    """Which two rows of which board to compare."""

    method: str
    against: str
    budget: str = "small"
    task: str = ""
    metric: str = "psnr_y"


def write_slices(
    results: Path, wanted: Wanted, face_ref: Path | None, attributes: Path | None, out: Path
) -> str:
    """Write the page `out`, and the figure beside it; returns the text.

    Raises FaceRefError where neither `face_ref` nor `attributes` is given, or the rows have no ids.
    """
    if face_ref is None and attributes is None:
        raise FaceRefError(
            "Slices of what? Give --face-ref (pose, sharpness, size), or --attributes FILE."
        )
    board = _board(results, wanted)
    method, rival = find_row(board, wanted.method), find_row(board, wanted.against)
    ids = method.image_ids or rival.image_ids
    if ids is None:
        raise FaceRefError(
            f"{label(method)} and {label(rival)} are results of format 1, which do not say which "
            "image is which. Evaluate one of them again."
        )
    for row in (method, rival):
        if wanted.metric not in row.scores:
            raise FaceRefError(
                f"{label(row)} has no scores of {wanted.metric!r}; it has {', '.join(row.scores)}."
            )
    slices: list[Slice] = []
    if face_ref is not None:
        slices += slices_of_face_ref(face_ref, method.split, ids)
    if attributes is not None:
        slices += slices_of_table(attributes, ids)
    rows = compare_in_slices(method, rival, slices, wanted.metric)
    text = markdown(method, rival, rows, wanted.metric)
    title = f"{label(method)} minus {label(rival)}"
    lines = [
        Drawn(f"{row.name} ({row.images:,})", row.difference, row.low, row.high, row.p)
        for row in rows
    ]
    draw_differences(lines, out.with_suffix(".png"), title, wanted.metric)
    write_text(out, text)
    return text


def _board(results: Path, wanted: Wanted) -> Sequence[Result]:
    found = {
        key: rows
        for key, rows in boards(read_all(results)).items()
        if key[1] == wanted.budget and wanted.task in ("", key[0])
    }
    if len(found) != 1:
        known = sorted({f"{key[0]} {key[1]}" for key in boards(read_all(results))})
        raise FaceRefError(
            f"{len(found)} boards of budget {wanted.budget!r}"
            f"{f' and task {wanted.task!r}' if wanted.task else ''}. Give --budget and --task; "
            f"there are: {', '.join(known)}."
        )
    return next(iter(found.values()))
