"""The plot of a calibration: similarity of one person, of different people, of nearest images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceref.curation.thresholds import BINS, Histograms, SamePerson
from faceref.errors import FaceRefError
from faceref.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAKER = "Face_Ref calibration"
"""In the notes of the file, by which we know ours."""
MERGED = 10
"""Bins drawn as one."""


def plot_calibration(same: SamePerson, path: Path, bound: float | None = None) -> None:
    """Draw the distributions behind a threshold, with it and the mining bound, as a PNG.

    The upper panel has a logarithmic scale: the threshold is decided where one pair in a million
    is. Raises FaceRefError where `same` carries no histograms.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if same.histograms is None:
        raise FaceRefError("This threshold has no histograms: calibrate it with find_same_person.")
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw_pairs(upper, same.histograms)
    _draw(lower, same.histograms.nearest, "image and its nearest", "tab:green")
    for axes in (upper, lower):
        _draw_line(axes, same.value, "same person", "black", "-")
        _draw_line(axes, bound, "mining bound", "black", ":")
        axes.set_ylabel("density")
        axes.legend(fontsize=8)
    lower.set_xlabel("cosine of embeddings")
    upper.set_title(f"Same-person threshold: {same.method}", fontsize=10)
    # No date and no version of matplotlib in the file: equal inputs give equal bytes.
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": MAKER})


def _draw_pairs(axes: Axes, histograms: Histograms) -> None:
    _draw(axes, histograms.different, "different labels", "tab:blue")
    _draw(axes, histograms.same, "one label", "tab:orange")
    axes.set_yscale("log")


def _draw(axes: Axes, counts: np.ndarray, label: str, colour: str) -> None:
    merged = counts.reshape(-1, MERGED).sum(1)
    if merged.sum() == 0:
        return
    width = 2 * MERGED / BINS
    edges = np.linspace(-1, 1, BINS // MERGED + 1)
    axes.stairs(
        merged / merged.sum() / width, edges, label=label, color=colour, fill=True, alpha=0.5
    )


def _draw_line(axes: Axes, value: float | None, label: str, colour: str, style: str) -> None:
    if value is not None:
        axes.axvline(value, color=colour, linestyle=style, label=f"{label}: {value:.3f}")
