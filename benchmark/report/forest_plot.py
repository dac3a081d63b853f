"""Differences between rows, drawn: one line each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.metrics.registry import metric_info
from benchmark.report.style import FULL_WIDTH, PLAIN, figure_of, save_figure
from benchmark.results.paired import Paired

_COLOUR = "#0072b2"


def draw_differences(
    names: Sequence[str], found: Sequence[Paired], out: Path, title: str, metric: str
) -> list[Path]:
    """Mean and 95 % interval of each; filled where p, corrected for their number, is below 0.05.

    Written as PNG and PDF; returns both paths.
    """
    figure, axes = figure_of(0.75 * FULL_WIDTH, 0.9 + 0.2 * len(found))
    for place, one in enumerate(found):
        axes.plot([one.low, one.high], [-place, -place], color=_COLOUR, lw=1.4)
        inside = _COLOUR if one.p < 0.05 else "white"
        axes.plot(one.mean, -place, "o", color=inside, mec=_COLOUR, ms=4.5)
    axes.axvline(0, color=PLAIN, lw=0.8)
    axes.set_yticks([-place for place in range(len(found))], names)
    axes.set_xlabel(
        f"difference of {metric_info(metric).heading}; filled: p < 0.05 after correction"
    )
    axes.set_title(title)
    return save_figure(figure, out)
