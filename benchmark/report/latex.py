"""A leaderboard as a LaTeX table."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.metrics.registry import MetricInfo
from benchmark.results.caveats import caveats_of
from benchmark.results.ranking import RankedRow, leaderboard_name, leaderboard_title, metrics_of
from benchmark.results.result import LeaderboardKey

LATEX_NOTE = (
    "Best in bold, second underlined; rows that cannot be told apart from the best (paired "
    "bootstrap over people, Holm's correction, 5\\,\\%) count as best, too."
)
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def latex_table(key: LeaderboardKey, rows: Sequence[RankedRow]) -> str:
    """A `table` of ranked rows, best in bold and second underlined; needs the package booktabs."""
    facts = metrics_of([row.result for row in rows])
    marks = {metric.name: _marks(rows, metric) for metric in facts}
    heads = [f"{escape_latex(metric.heading)} ${_ARROWS[metric.arrow]}$" for metric in facts]
    notes = caveats_of([row.result for row in rows])
    lines = [
        *(r"% Needs \usepackage{booktabs}.", *(f"% {note}" for note in notes)),
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{escape_latex(leaderboard_title(key).replace('`', ''))}, {key[3]} faces. "
        f"{LATEX_NOTE}}}",
        f"  \\label{{tab:{leaderboard_name(key)}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(facts) + 2)}}}",
        r"    \toprule",
        "    " + " & ".join(["Method", *heads, "Params, M", "MACs, G"]) + r" \\",
        r"    \midrule",
    ]
    for place, row in enumerate(rows):
        cells = [_latex_cell(row, metric, marks[metric.name][place]) for metric in facts]
        cost = [_scaled(row.result.parameters, 1e6), _scaled(row.result.macs, 1e9)]
        lines.append("    " + " & ".join([escape_latex(row.name), *cells, *cost]) + r" \\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


_ARROWS = {"↑": r"\uparrow", "↓": r"\downarrow"}


def _marks(rows: Sequence[RankedRow], metric: MetricInfo) -> list[str | None]:
    """For each row `textbf` (best), `underline` (second) or None."""
    places = [_place(row, metric) for row in rows]
    known = sorted({place for place in places if place is not None})
    names = dict(zip(known, ("textbf", "underline"), strict=False))
    return [None if place is None else names.get(place) for place in places]


def _place(row: RankedRow, metric: MetricInfo) -> float | None:
    """What orders rows: the rank, or the mean itself of a metric of whole sets."""
    value = row.values.get(metric.name)
    if value is None or value.rank is not None:
        return value.rank if value else None
    return -value.mean if metric.higher_is_better else value.mean


def _latex_cell(row: RankedRow, metric: MetricInfo, mark: str | None) -> str:
    value = row.values.get(metric.name)
    if value is None:
        return "--"
    text = f"{value.mean:.{metric.digits}f}"
    return f"\\{mark}{{{text}}}" if mark else text


def _scaled(number: float | None, unit: float) -> str:
    return "--" if number is None else f"{number / unit:.2f}"


def escape_latex(text: str) -> str:
    """`text` with LaTeX's special signs made plain."""
    return "".join(_LATEX.get(sign, sign) for sign in text)
