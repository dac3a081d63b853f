"""The leaderboard: Markdown tables, computed from result files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.metrics.registry import METRICS, MetricInfo, metric_info
from benchmark.results.caveats import caveats_of
from benchmark.results.files import read_all
from benchmark.results.ranking import (
    RankedRow,
    Value,
    known_means,
    leaderboard_title,
    metrics_of,
    ranked_rows,
)
from benchmark.results.result import Result, is_variant, leaderboards, seed_spread
from benchmark.results.statistics import with_interval

QUALITY = (
    "method",
    "rank",
    "seeds",
    "PSNR-Y [95 %], dB",
    "over bicubic, dB",
    "SSIM-Y",
    "PSNR-RGB",
    "SSIM-RGB",
)
COST = (
    "params, M",
    "MACs, G",
    "training, min",
    "ms a face",
)
NOTE = """\
Higher is better. Faces are made small by Pillow's antialiased bicubic, x8. Scores are means over
faces of 8-bit outputs, no border cut; intervals are bootstrapped over faces, differences paired
face by face. `refs_hr`: references found with the HR face, an upper bound of retrieval; `refs_lr`:
found with the LR face alone. Methods of one leaderboard had the same training budget, and val chose
their weights. Seeds: a row of several trainings is their mean, face by face, with the standard
deviation of their PSNR-Y; intervals are over faces. Rank: 1 and the number of rows whose PSNR-Y is
higher beyond chance (paired bootstrap over faces, Holm's correction over all pairs of the
leaderboard, 5 %): rows that cannot be told apart may share a rank. An arrow says which way a metric
that not every row has is better; `-`: not scored."""


def leaderboard(results: Path) -> str:
    """All leaderboards of the results below a folder, as Markdown."""
    found = leaderboards(read_all(results))
    sections = [_section(key, rows) for key, rows in sorted(found.items())]
    return "\n\n".join(["# Leaderboard", NOTE, *sections]) + "\n"


def columns_of(results: Sequence[Result]) -> list[str]:
    """Headings of one leaderboard: those of every leaderboard, and metrics that some of its rows
    have."""
    return [*QUALITY, *(f"{m.heading} {m.arrow}" for m in _more(results)), *COST]


def rows_of(results: Sequence[Result]) -> list[list[str]]:
    """Cells of one leaderboard, in the order of `columns_of`.

    Raises FaceRefError where results are of other images than the first.
    """
    more = _more(results)
    return [_row(ranked, more) for ranked in ranked_rows(results, [metric_info(METRICS[0])])]


def _more(results: Sequence[Result]) -> list[MetricInfo]:
    return [metric for metric in metrics_of(results) if metric.name not in METRICS]


def _section(key: tuple[str, str, str, int], results: Sequence[Result]) -> str:
    _, _, revision, images = key
    lines = [
        f"## {leaderboard_title(key)}",
        "",
        f"{images:,} faces, Face_Ref `{revision[:12]}`.",
        "",
    ]
    columns, cells = columns_of(results), rows_of(results)
    changed = [is_variant(result, results) for result in results]
    lines += _table(columns, [row for row, apart in zip(cells, changed, strict=True) if not apart])
    if any(changed):
        lines += ["", "Methods with a part changed, ranked among the rows above:", ""]
        lines += _table(columns, [row for row, apart in zip(cells, changed, strict=True) if apart])
    for note in caveats_of(results):
        lines += ["", note]
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return head + ["| " + " | ".join(row) + " |" for row in rows]


def _row(ranked: RankedRow, more: Sequence[MetricInfo]) -> list[str]:
    result, means, training = ranked.result, ranked.result.means, ranked.result.training
    first = ranked.values[METRICS[0]]
    return [
        ranked.name,
        str(first.rank),
        _seeds(result),
        f"{means['psnr_y']:.2f} [{first.low:.2f}, {first.high:.2f}]",
        _gain(ranked.gain),
        f"{means['ssim_y']:.4f}",
        f"{means['psnr_rgb']:.2f}",
        f"{means['ssim_rgb']:.4f}",
        *(_extra(result, metric) for metric in more),
        "-" if result.parameters is None else f"{result.parameters / 1e6:.2f}",
        "-" if result.macs is None else f"{result.macs / 1e9:.2f}",
        "-" if training is None else f"{training['seconds'] / 60:.1f}",
        "-" if result.milliseconds is None else f"{result.milliseconds:.1f}",
    ]


def _extra(result: Result, metric: MetricInfo) -> str:
    value = known_means(result).get(metric.name)
    return "-" if value is None else f"{value:.{metric.digits}f}"


def _seeds(result: Result) -> str:
    """How many trainings the row is the mean of, with the deviation of their PSNR-Y."""
    spread = seed_spread(result, METRICS[0])
    if spread is None:
        return "-" if result.budget is None else "1"
    return f"{len(result.repeats)} (±{spread:.3f})"


def _gain(gain: Value | None) -> str:
    if gain is None or gain.low is None or gain.high is None:
        return "-"
    return with_interval(gain.mean, gain.low, gain.high, 2)
