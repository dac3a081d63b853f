"""Plots from result files: quality against cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.results import Result, label

FAR_BELOW = 2.0
"""Results that many dB below bicubic are named under the plot, not drawn."""


def figure_of(width: float, height: float) -> tuple[Any, Any]:
    """An empty figure and its axes in the style of all plots, `width` by `height` inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(width, height), dpi=150)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def quality_against_cost(results: Sequence[Result], out: Path, title: str) -> None:
    """Scatter of PSNR-Y in dB against multiply-adds a face, as PNG; larger dots: more parameters.

    Methods without multiply-adds are horizontal lines; results whose cost is unknown are left out.
    """
    shown, hidden = _near(results)
    figure, axes = figure_of(7, 4.4)
    heights = _spread([result.means["psnr_y"] for result in shown])
    for place, (result, height) in enumerate(zip(shown, heights, strict=True)):
        _mark(axes, result, f"C{place}", height)
    axes.set_xscale("log")
    axes.set_xlabel("multiply-adds a face")
    axes.set_ylabel("PSNR-Y, dB")
    axes.set_title(title.replace("`", ""), fontsize=10, loc="left")
    axes.margins(x=0.15, y=0.12)
    if hidden:
        names = ", ".join(f"{label(row)} {row.means['psnr_y']:.1f} dB" for row in hidden)
        figure.text(0.0, -0.04, f"far below: {names}", fontsize=7, color="gray")
    save_figure(figure, out)


def _near(results: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Results to draw, worst first, and those too far below bicubic."""
    known = sorted(
        (result for result in results if result.macs is not None),
        key=lambda result: result.means["psnr_y"],
    )
    floor = min(
        (row.means["psnr_y"] for row in known if row.method == "bicubic"),
        default=float("-inf"),
    )
    near = [row for row in known if row.means["psnr_y"] >= floor - FAR_BELOW]
    return near, [row for row in known if row not in near]


def _mark(axes: Any, result: Result, colour: str, height: float) -> None:
    cost, quality = result.macs or 0, result.means["psnr_y"]
    if cost:
        area = 40 + 60 * (result.parameters or 0) / 1e6
        axes.scatter(cost, quality, s=area, color=colour, alpha=0.85, edgecolors="white", zorder=3)
        axes.annotate(
            "",
            (cost, quality),
            (1.02, height),
            textcoords=axes.get_yaxis_transform(),
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "alpha": 0.6},
        )
    else:
        axes.axhline(quality, color=colour, lw=1, ls="--", alpha=0.7)
    axes.text(
        1.02,
        height,
        label(result),
        transform=axes.get_yaxis_transform(),
        fontsize=8,
        va="center",
        color=colour,
    )


def validation_curves(results: Sequence[Result], out: Path) -> None:
    """PSNR-Y on val in dB against training steps, one line a training, as PNG."""
    figure, axes = figure_of(6, 3.6)
    seen = set()
    for result in results:
        training = result.training
        if training is None or training["weights_sha256"] in seen:
            continue
        seen.add(training["weights_sha256"])
        steps, quality = zip(*training["val_curve"], strict=True)
        axes.plot(steps, quality, marker="o", ms=3, label=result.title)
    axes.set_xlabel("training steps")
    axes.set_ylabel("PSNR-Y on val, dB")
    if seen:
        axes.legend(frameon=False, fontsize=8)
    save_figure(figure, out)


def _spread(values: Sequence[float]) -> list[float]:
    """Heights for labels: `values`, ascending, pushed apart until they do not overlap."""
    if not values:
        return []
    gap = max(values[-1] - values[0], 0.5) / 18
    heights: list[float] = []
    for value in values:
        heights.append(max(value, heights[-1] + gap) if heights else value)
    shift = (heights[-1] - values[-1]) / 2
    return [height - shift for height in heights]


def save_figure(figure: object, out: Path) -> None:
    """Write `figure` as PNG under a temporary name, then rename; closes it."""
    from matplotlib import pyplot as plt

    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    # A fixed Software entry, so that the same results give the same bytes with any release.
    figure.savefig(  # pyright: ignore[reportAttributeAccessIssue]
        temporary, format="png", bbox_inches="tight", metadata={"Software": "facebench"}
    )
    temporary.replace(out)
    plt.close("all")
