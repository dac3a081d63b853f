"""One style for all figures: sizes of a paper, colours for colour-blind readers, PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.results.result import Result
from faceref.files import replacing

FULL_WIDTH = 7.0
"""Inches; both columns of a paper."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito, https://jfly.uni-koeln.de/color/, without the yellow, which is faint on white."""
PLAIN = "#777777"
"""Bicubic, and what is in the background."""
_MARKERS = {None: "o", "refs_lr": "s", "refs_hr": "^"}
Fill = Literal["full", "none", "left", "bottom"]
FILLS: dict[Fill, str] = {"full": "-", "none": "--", "left": ":", "bottom": "-."}
"""How a marker is filled, as matplotlib calls it, and how a line of the same method is drawn."""
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "lines.markersize": 5,
    "legend.fontsize": 7.5,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "pdf.fonttype": 42,
}


MAKER = "facebench"
"""In every figure, by which we know ours."""


@dataclass(frozen=True)
class MarkerStyle:
    """How one result is drawn: a colour for its method, a marker for its references."""

    colour: str
    marker: str
    fill: Fill
    """Of the marker, one of `FILLS`: not `full` where there are more methods than colours."""


def marker_style(result: Result, leaderboard: Sequence[Result]) -> MarkerStyle:
    """How `result` is drawn in every figure of `leaderboard`."""
    marker = _MARKERS.get(result.reference_list, "D")
    if result.method == "bicubic":
        return MarkerStyle(PLAIN, marker, "full")
    place = sorted({row.method for row in leaderboard} - {"bicubic"}).index(result.method)
    turn, colour = divmod(place, len(COLOURS))
    return MarkerStyle(COLOURS[colour], marker, list(FILLS)[turn % len(FILLS)])


def figure_of(
    width: float, height: float, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Any, Any]:
    """An empty figure of `width` by `height` inches and its axes.

    One pair of axes; an array (columns,) where there is one row of several; else (rows, columns).
    """
    import matplotlib
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that a notebook shows, whether or not pyplot is loaded."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", bbox_inches="tight")
            return buffer.getvalue()

    matplotlib.rcParams.update(_SETTINGS)
    # Not by pyplot: it would keep the figure open and choose a window to show it in.
    figure = Shown((width, height), dpi=150)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for one in axes.ravel():
        one.grid(alpha=0.25)
        one.spines[["top", "right"]].set_visible(False)
    return figure, (axes[0, 0] if axes.size == 1 else axes[0] if rows == 1 else axes)


def save_figure(figure: Any, out: Path) -> list[Path]:
    """Write `figure` as the PNG `out` and as PDF beside it, fonts embedded.

    The same results give the same bytes: no date and no release is written.
    """
    bare = {"Creator": MAKER, "Producer": None, "CreationDate": None}
    made = []
    for form, metadata in (("png", {"Software": MAKER}), ("pdf", bare)):
        path = out.with_suffix(f".{form}")
        with replacing(path) as temporary:
            figure.savefig(temporary, format=form, bbox_inches="tight", metadata=metadata)
        made.append(path)
    return made
