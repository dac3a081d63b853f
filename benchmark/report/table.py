"""One table of a leaderboard: rows that may be compared, and their cells as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

from benchmark.metrics.registry import METRICS, MetricInfo
from benchmark.results.caveats import caveats_of
from benchmark.results.ranking import (
    RankedRow,
    Value,
    known_means,
    leaderboard_name,
    leaderboard_title,
    metrics_of,
    ranked_rows,
)
from benchmark.results.result import LeaderboardKey, Result, is_variant, seed_spread
from benchmark.results.statistics import with_interval
from faceref.markdown import markdown_table

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


@dataclass(frozen=True, eq=False)
class Table:
    """The rows that may be compared: those of one task, budget, data revision and set of faces."""

    key: LeaderboardKey
    results: Sequence[Result]
    """Best first; several seeds of a method are one."""

    @cached_property
    def rows(self) -> list[RankedRow]:
        """The results with intervals, ranks and gains, in the same order."""
        return ranked_rows(self.results)

    @property
    def title(self) -> str:
        """Heading, in Markdown."""
        return leaderboard_title(self.key)

    @property
    def name(self) -> str:
        """File name for what is drawn from it, without suffix."""
        return leaderboard_name(self.key)

    def is_variant(self, result: Result) -> bool:
        """Whether `result` is of a variant of a method of this table."""
        return is_variant(result, self.results)

    @property
    def without_variants(self) -> list[Result]:
        """The results that figures show."""
        return [result for result in self.results if not self.is_variant(result)]

    @property
    def columns(self) -> list[str]:
        """Headings: those of every leaderboard, and metrics that some of its rows have."""
        return [*QUALITY, *(f"{m.heading} {m.arrow}" for m in _more(self.results)), *COST]

    @property
    def cells(self) -> list[list[str]]:
        """Cells of each row, rounded for reading, in the order of `columns`."""
        more = _more(self.results)
        return [_cells(row, more) for row in self.rows]


def markdown_section(table: Table) -> str:
    """A table in Markdown with its heading, variants below it, and what differs between rows."""
    faces = f"{table.results[0].faces_text}, Face_Ref `{table.key.data_revision[:12]}`."
    lines = [f"## {table.title}", "", faces, ""]
    changed = [table.is_variant(result) for result in table.results]
    paired = list(zip(table.cells, changed, strict=True))
    lines += markdown_table(table.columns, [row for row, variant in paired if not variant])
    if any(changed):
        lines += [
            "",
            "Variants, ranked among the rows above (`facebench methods` says what each changes):",
            "",
        ]
        lines += markdown_table(table.columns, [row for row, variant in paired if variant])
    for note in caveats_of(table.results):
        lines += ["", note]
    return "\n".join(lines)


def html_section(table: Table) -> str:
    """A table in HTML with its heading, as notebooks show it."""
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = ("".join(f"<td>{escape(cell)}</td>" for cell in cells) for cells in table.cells)
    body = "".join(f"<tr>{cells}</tr>" for cells in rows)
    title = escape(table.title.replace("`", ""))
    return f"<h4>{title}</h4><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _more(results: Sequence[Result]) -> list[MetricInfo]:
    return [metric for metric in metrics_of(results) if metric.name not in METRICS]


def _cells(row: RankedRow, more: Sequence[MetricInfo]) -> list[str]:
    result, means, training = row.result, row.result.means, row.result.training
    first = row.values[METRICS[0]]
    return [
        row.name,
        str(first.rank),
        _seeds(result),
        f"{means['psnr_y']:.2f} [{first.low:.2f}, {first.high:.2f}]",
        _gain(row.gain),
        f"{means['ssim_y']:.4f}",
        f"{means['psnr_rgb']:.2f}",
        f"{means['ssim_rgb']:.4f}",
        *(_number(known_means(result).get(metric.name), metric.digits) for metric in more),
        _number(result.parameters, 2, 1e6),
        _number(result.macs, 2, 1e9),
        _number(None if training is None else training["seconds"], 1, 60),
        _number(result.milliseconds, 1),
    ]


def _number(value: float | None, digits: int, unit: float = 1) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"


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
