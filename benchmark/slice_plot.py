"""Differences between two methods by kind of face, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.figure_style import FULL_WIDTH, PLAIN, figure_of, save_figure
from benchmark.metric_facts import fact
from benchmark.slices import SliceRow


def draw_slices(rows: Sequence[SliceRow], out: Path, title: str, metric: str) -> list[Path]:
    """One line a slice: difference and 95 % interval; filled where p < 0.05. PNG and PDF."""
    figure, axes = figure_of(0.7 * FULL_WIDTH, 0.9 + 0.2 * len(rows))
    for place, row in enumerate(rows):
        axes.plot([row.low, row.high], [-place, -place], color="#0072b2", lw=1.4)
        face = "#0072b2" if row.p < 0.05 else "white"
        axes.plot(row.difference, -place, "o", color=face, mec="#0072b2", ms=4.5)
    axes.axvline(0, color=PLAIN, lw=0.8)
    axes.set_yticks(
        [-place for place in range(len(rows))], [f"{row.name} ({row.images:,})" for row in rows]
    )
    axes.set_xlabel(f"difference of {fact(metric).heading}; filled: p < 0.05 after correction")
    axes.set_title(title)
    return save_figure(figure, out)
