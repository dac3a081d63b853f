"""Plots from result files: quality against cost, training curves, and what references bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.metrics.registry import METRICS, metric_info
from benchmark.report.style import (
    FILLS,
    FULL_WIDTH,
    PLAIN,
    MarkerStyle,
    figure_of,
    marker_style,
    save_figure,
)
from benchmark.results.paired import paired_results
from benchmark.results.ranking import (
    RankedRow,
    ranked_rows,
    scores_of,
)
from benchmark.results.result import Result, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAR_BELOW = 2.0
"""Results that many dB below bicubic are named under the plot, not drawn."""
_BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}
MANY = 100
"""Times by which the ends of an axis differ where its numbers would run into each other."""
Cost = Callable[[Result], float | None]
COSTS: tuple[tuple[str, Cost], ...] = (
    ("multiply-adds a face, G", lambda row: None if row.macs is None else row.macs / 1e9),
    ("parameters, M", lambda row: None if row.parameters is None else row.parameters / 1e6),
    ("time of one face as measured, ms", lambda row: row.milliseconds),
)


def near(results: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Results to draw, and those too far below bicubic to share a scale with them."""
    floor = min(
        (row.means["psnr_y"] for row in results if row.method == "bicubic"), default=float("-inf")
    )
    shown = [row for row in results if row.means["psnr_y"] >= floor - FAR_BELOW]
    return shown, [row for row in results if row not in shown]


def name_hidden(axes: Any, hidden: Sequence[Result]) -> None:
    """Write under the plot which results are not drawn."""
    if hidden:
        names = ", ".join(f"{label(row)} {row.means['psnr_y']:.1f} dB" for row in hidden)
        axes.annotate(
            fill(f"not drawn, far below: {names}", 100),
            (0, 0),
            (0, -36),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=7,
            color=PLAIN,
        )


def quality_against_cost(results: Sequence[Result], title: str) -> Figure:
    """PSNR-Y in dB with its interval against multiply-adds, parameters and time.

    Bicubic and methods at no cost are horizontal lines; results whose cost is unknown are left out.
    """
    shown, hidden = near(results)
    rows = ranked_rows(shown, [metric_info(METRICS[0])])
    height = max(2.9, 0.4 + 0.16 * len(shown))
    figure, axes = figure_of(FULL_WIDTH, height, len(COSTS), sharey=True)
    for one, (name, cost) in zip(axes, COSTS, strict=True):
        for row in rows:
            _mark(one, row, cost(row.result), marker_style(row.result, results))
        _logarithmic(one)
        one.set_xlabel(name)
        one.margins(x=0.15, y=0.12)
    axes[0].set_ylabel("PSNR-Y, dB")
    axes[0].set_title(title.replace("`", ""))
    _name_rows(figure, shown, [marker_style(row, results) for row in shown])
    figure.subplots_adjust(wspace=0.08)
    name_hidden(axes[0], hidden)
    return figure


def _logarithmic(axes: Any) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, or at 1 where it spans too much."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < MANY * low else (1,)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _mark(axes: Any, row: RankedRow, cost: float | None, look: MarkerStyle) -> None:
    value = row.values["psnr_y"]
    if cost is None or value.low is None or value.high is None:
        return
    if cost == 0 or row.result.method == "bicubic":
        axes.axhline(value.mean, color=look.colour, lw=1, ls="--", alpha=0.7)
        return
    reach = [[max(value.mean - value.low, 0)], [max(value.high - value.mean, 0)]]
    axes.errorbar(
        *(cost, value.mean, reach),
        fmt=look.marker,
        color=look.colour,
        fillstyle=look.fill,
        alpha=0.85,
        lw=0.8,
    )


def _name_rows(figure: Any, results: Sequence[Result], looks: Sequence[MarkerStyle]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D(
            [],
            [],
            ls="--" if result.parameters == 0 else "",
            marker="" if result.method == "bicubic" else look.marker,
            color=look.colour,
            fillstyle=look.fill,
            lw=1,
            label=label(result),
        )
        for result, look in zip(results, looks, strict=True)
    ]
    figure.legend(handles=marks, loc="center left", bbox_to_anchor=(0.91, 0.5))


def validation_curves(results: Sequence[Result], out: Path, title: str) -> bool:
    """PSNR-Y on val in dB against training steps, one line a training, as PNG and PDF.

    Draws trainings on the data of their result; returns whether there is one. The val split of
    others is of other faces than the leaderboard's.
    """
    trainings: dict[str, tuple[Result, dict[str, Any]]] = {}
    for result in results:
        if result.training is not None and _trained_here(result):
            weights = result.training["weights_sha256"]
            trainings.setdefault(weights, (result, result.training))
    if not trainings:
        return False
    figure, axes = figure_of(5, 3)
    for result, training in trainings.values():
        steps, quality = zip(*training["val_curve"], strict=True)
        look = marker_style(result, results)
        style = FILLS[look.fill]
        axes.plot(steps, quality, style, color=look.colour, marker="o", ms=3, label=result.title)
    axes.set_xlabel("training steps")
    axes.set_ylabel("PSNR-Y on val, dB")
    axes.set_title(title.replace("`", ""))
    axes.legend(**_BESIDE)
    save_figure(figure, out)
    return True


def _trained_here(result: Result) -> bool:
    """Whether the curve of its training is of the data, and the network, that were scored."""
    training = result.training or {}
    data = training.get("data_revision"), training.get("archived_from")
    return result.data_revision in data and result.adaptation is None


def reference_curve(results: Sequence[Result], out: Path, title: str) -> bool:
    """PSNR-Y over the fewest references against K, paired, a line a method and list.

    Draws methods whose one training was scored with two or more K; returns whether there is one.
    """
    trainings = _by_training(results)
    if not trainings:
        return False
    figure, axes = figure_of(5, 3.2)
    lines = 0
    for rows in trainings:
        base, given = rows[0], sorted({row.reference_list or "" for row in rows} - {""})
        for name in given:
            line = [row for row in rows[1:] if row.reference_list == name]
            if line:
                _curve(axes, base, line, marker_style(line[0], results), lines)
                lines += 1
    axes.axhline(0, color=PLAIN, lw=0.8)
    axes.set_xlabel("references given, K")
    axes.set_ylabel("PSNR-Y over the fewest, dB")
    axes.set_title(title.replace("`", ""))
    axes.legend(**_BESIDE)
    axes.xaxis.get_major_locator().set_params(integer=True)
    save_figure(figure, out)
    return True


def _by_training(results: Sequence[Result]) -> list[list[Result]]:
    """Results of one training each, fewest references first; only those with several K."""
    found: dict[tuple[str, str], list[Result]] = {}
    for row in results:
        if row.training is not None:
            found.setdefault((row.method, row.training["weights_sha256"]), []).append(row)
    rows = [sorted(row, key=lambda result: result.references) for row in found.values()]
    return [row for row in rows if row[0].references < row[-1].references]


def _curve(axes: Any, base: Result, line: Sequence[Result], look: MarkerStyle, place: int) -> None:
    gains = [paired_results(row, base, "psnr_y") for row in line]
    means = [gain.mean for gain in gains]
    ends = [[gain.mean - gain.low, gain.high - gain.mean] for gain in gains]
    reach = np.maximum(np.transpose(ends), 0)
    name = f"{base.title}, {line[0].reference_list}, over K = {base.references}"
    counts = [base.references, *(row.references + 0.04 * place for row in line)]
    style = f"{look.marker}{('-', '--', ':')[place % 3]}"
    axes.errorbar(
        counts,
        [0, *means],
        np.concatenate([np.zeros((2, 1)), reach], axis=1),
        fmt=style,
        color=look.colour,
        lw=1,
        capsize=2,
        label=name,
    )


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
        look = marker_style(row, results)
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


def _violin(axes: Any, values: np.ndarray, height: float, look: MarkerStyle) -> None:
    """Density, the middle half as a bar, the median as a dot."""
    # Differences that are equal but for rounding have no density.
    drawn = axes.violinplot(
        np.round(values, 6), [height], orientation="horizontal", widths=0.8, showextrema=False
    )
    for body in drawn["bodies"]:
        body.set(
            facecolor=look.colour, alpha=0.3 if look.fill == "full" else 0.12, edgecolor=look.colour
        )
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.plot([low, high], [height, height], color=look.colour, lw=3, solid_capstyle="butt")
    axes.plot(middle, height, "o", color="white", mec=look.colour, ms=4)


def draw_leaderboard(results: Sequence[Result], title: str, folder: Path, name: str) -> list[Path]:
    """Figures of the rows of one leaderboard, each as PNG and PDF; returns what was written.

    Variants are no rows of these figures: `benchmark.studies.gains_page` draws MSRNet's ablations.
    """
    files = {end: folder / f"{name}-{end}.png" for end in ENDS}
    save_figure(quality_against_cost(results, title), files["cost"])
    distributions(results, files["distribution"], title)
    win_matrix(results, files["wins"], title)
    drawn = ["cost", "distribution", "wins"]
    if validation_curves(results, files["val"], title):
        drawn.append("val")
    if reference_curve(results, files["references"], title):
        drawn.append("references")
    return [files[end].with_suffix(form) for end in drawn for form in (".png", ".pdf")]


ENDS = ("cost", "distribution", "wins", "val", "references")
"""How the names of a leaderboard's figures end."""
