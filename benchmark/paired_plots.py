"""Plots of scores image by image: how they spread, and how often one row beats another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.figure_style import FULL_WIDTH, PLAIN, Look, figure_of, look_of, save_figure
from benchmark.plots import name_hidden, near
from benchmark.results import Result, label
from benchmark.standing import scores_of


def win_shares(scores: np.ndarray) -> np.ndarray:
    """Share (R, R) of the N images of `scores` (R, N) on which the row is above the column.

    Equal scores count half for each, so a pair adds up to 1 and the diagonal is 0.5.
    """
    above = scores[:, None, :] > scores[None, :, :]
    equal = scores[:, None, :] == scores[None, :, :]
    return (above + 0.5 * equal).mean(2)


def win_matrix(results: Sequence[Result], out: Path, title: str) -> None:
    """How often each row has the higher PSNR-Y than each column, in percent, as PNG and PDF."""
    shares = 100 * win_shares(scores_of(results, "psnr_y"))
    names = [label(result) for result in results]
    side = 1.2 + 0.42 * len(names)
    figure, axes = figure_of(side + 1.2, side)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.imshow(shares, cmap="PuOr_r", vmin=-25, vmax=125)
    for row, column in np.ndindex(*shares.shape):
        share = shares[row, column]
        ink = "white" if abs(share - 50) > 45 else "black"
        text = "" if row == column else f"{share:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    heading = f"{title.replace('`', '')}\nFaces on which the row has more PSNR-Y than the column, %"
    axes.set_title(heading, multialignment="left")
    save_figure(figure, out)


def distributions(results: Sequence[Result], out: Path, title: str) -> None:
    """Spread of PSNR-Y over faces, and of its gain over bicubic, as PNG and PDF."""
    shown, hidden = near(results)
    bicubic = next((row for row in shown if row.method == "bicubic"), None)
    height = 0.9 + 0.34 * len(shown)
    figure, axes = figure_of(FULL_WIDTH, height, 2, sharey=True)
    scores = scores_of(shown, "psnr_y")
    base = scores_of([bicubic], "psnr_y")[0] if bicubic else None
    for place, (values, row) in enumerate(zip(scores, shown, strict=True)):
        look = look_of(row, results)
        _violin(axes[0], values, -place, look)
        if base is not None and row is not bicubic:
            _violin(axes[1], values - base, -place, look)
    axes[0].set_yticks([-place for place in range(len(shown))], [label(row) for row in shown])
    axes[0].set_xlabel("PSNR-Y of a face, dB")
    axes[1].set_xlabel("PSNR-Y of a face over bicubic, dB")
    axes[1].axvline(0, color=PLAIN, lw=0.8)
    axes[0].set_title(title.replace("`", ""))
    figure.subplots_adjust(wspace=0.06)
    name_hidden(axes[0], hidden)
    save_figure(figure, out)


def _violin(axes: Any, values: np.ndarray, height: float, look: Look) -> None:
    """Density, the middle half as a bar, the median as a dot."""
    # Differences that are equal but for rounding have no density.
    drawn = axes.violinplot(
        np.round(values, 6), [height], orientation="horizontal", widths=0.8, showextrema=False
    )
    for body in drawn["bodies"]:
        body.set(facecolor=look.colour, alpha=0.3 if look.filled else 0.12, edgecolor=look.colour)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.plot([low, high], [height, height], color=look.colour, lw=3, solid_capstyle="butt")
    axes.plot(middle, height, "o", color="white", mec=look.colour, ms=4)
