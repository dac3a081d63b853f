"""Plots from result files: quality against cost, training curves, and what references bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from benchmark.figure_style import FULL_WIDTH, PLAIN, Look, figure_of, look_of, save_figure
from benchmark.metric_facts import fact
from benchmark.protocol import METRICS
from benchmark.results import Result, label
from benchmark.standing import Standing, scores_of, standings
from benchmark.uncertainty import bootstrap

FAR_BELOW = 2.0
"""Results that many dB below bicubic are named under the plot, not drawn."""
_BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}
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


def quality_against_cost(results: Sequence[Result], out: Path, title: str) -> None:
    """PSNR-Y in dB with its interval against multiply-adds, parameters and time, as PNG and PDF.

    Bicubic and methods at no cost are horizontal lines; results whose cost is unknown are left out.
    """
    shown, hidden = near(results)
    rows = standings(shown, [fact(METRICS[0])])
    height = max(2.9, 0.4 + 0.16 * len(shown))
    figure, axes = figure_of(FULL_WIDTH, height, len(COSTS), sharey=True)
    for one, (name, cost) in zip(axes, COSTS, strict=True):
        for row in rows:
            _mark(one, row, cost(row.result), look_of(row.result, results))
        _logarithmic(one)
        one.set_xlabel(name)
        one.margins(x=0.15, y=0.12)
    axes[0].set_ylabel("PSNR-Y, dB")
    axes[0].set_title(title.replace("`", ""))
    _name_rows(figure, shown, [look_of(row, results) for row in shown])
    figure.subplots_adjust(wspace=0.08)
    name_hidden(axes[0], hidden)
    save_figure(figure, out)


def _logarithmic(axes: Any) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _mark(axes: Any, row: Standing, cost: float | None, look: Look) -> None:
    value = row.values["psnr_y"]
    if cost is None or value.low is None or value.high is None:
        return
    if cost == 0 or row.result.method == "bicubic":
        axes.axhline(value.mean, color=look.colour, lw=1, ls="--", alpha=0.7)
        return
    reach = [[max(value.mean - value.low, 0)], [max(value.high - value.mean, 0)]]
    inside = look.colour if look.filled else "white"
    axes.errorbar(
        cost, value.mean, reach, fmt=look.marker, color=look.colour, mfc=inside, alpha=0.85, lw=0.8
    )


def _name_rows(figure: Any, results: Sequence[Result], looks: Sequence[Look]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D(
            [],
            [],
            ls="--" if result.parameters == 0 else "",
            marker="" if result.method == "bicubic" else look.marker,
            color=look.colour,
            mfc=look.colour if look.filled else "white",
            lw=1,
            label=label(result),
        )
        for result, look in zip(results, looks, strict=True)
    ]
    figure.legend(handles=marks, loc="center left", bbox_to_anchor=(0.91, 0.5))


def validation_curves(results: Sequence[Result], out: Path) -> None:
    """PSNR-Y on val in dB against training steps, one line a training, as PNG and PDF."""
    figure, axes = figure_of(5, 3)
    seen = set()
    for result in results:
        training = result.training
        if training is None or training["weights_sha256"] in seen:
            continue
        seen.add(training["weights_sha256"])
        steps, quality = zip(*training["val_curve"], strict=True)
        look = look_of(result, results)
        style = "-" if look.filled else "--"
        axes.plot(steps, quality, style, color=look.colour, marker="o", ms=3, label=result.title)
    axes.set_xlabel("training steps")
    axes.set_ylabel("PSNR-Y on val, dB")
    if seen:
        axes.legend(**_BESIDE)
    save_figure(figure, out)


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
                _curve(axes, base, line, look_of(line[0], results), lines)
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


def _curve(axes: Any, base: Result, line: Sequence[Result], look: Look, place: int) -> None:
    scores = scores_of([base, *line], "psnr_y")
    gains = scores[1:] - scores[0]
    means = gains.mean(1)
    ends = np.array([bootstrap(gain.tolist()) for gain in gains]).T
    reach = np.maximum([means - ends[0], ends[1] - means], 0)
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
