"""What was tried to get more out of references: a line a variant of MSRNet, from result files."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.methods import load
from benchmark.protocol import METRICS
from benchmark.reference_gain import ASKED, GIVEN, Difference, differences
from benchmark.results import Result, seed_spread
from benchmark.uncertainty import with_interval

TRIED = (
    "PSNR-Y with five references found with the small face, what that is over MSRNet's, and what "
    "the references give: over K = 0 of the same training. Intervals are over faces; a row is the "
    "mean of so many seeds."
)


def tried(board: Sequence[Result]) -> list[str]:
    """Markdown: each variant on the board with its idea, best first, and what seeds differ by.

    Empty where the board has no variant.
    """
    ideas = {f"{ASKED}-{variant.name}": variant.idea for variant in load(ASKED).variants}
    ideas[ASKED] = "the whole"
    rows = {row.method: row for row in board if row.method in ideas and row.references == 0}
    alone = dict(rows)
    rows |= {row.method: row for row in board if row.method in ideas and _given(row)}
    if ASKED not in rows or len(rows) < 2:
        return []
    others = [rows[name] for name in rows if name != ASKED]
    over = _by_row(others, [(row, rows[ASKED]) for row in others])
    both = [row for row in rows.values() if _given(row) and row.method in alone]
    gains = _by_row(both, [(row, alone[row.method]) for row in both])
    lines = [
        "| method | what it is | seeds | PSNR-Y | over MSRNet (K=5) | by its references |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in sorted(rows.values(), key=lambda row: -row.means[METRICS[0]]):
        cells = [
            f"`{row.method}`",
            ideas[row.method],
            str(max(1, len(row.repeats))),
            f"{row.means[METRICS[0]]:.3f}",
            _cell(over.get(row.method)),
            _cell(gains.get(row.method)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    spread = [seed_spread(row, METRICS[0]) for row in rows.values()]
    known = [one for one in spread if one is not None]
    if known:
        lines += ["", f"Standard deviation between seeds: at most {max(known):.3f} dB."]
    return lines


def _given(row: Result) -> bool:
    return row.reference_list == GIVEN[0]


def _by_row(rows: Sequence[Result], pairs: list[tuple[Result, Result]]) -> dict[str, Difference]:
    found = differences(pairs, METRICS[:1])
    return {row.method: one for row, one in zip(rows, found, strict=True)}


def _cell(one: Difference | None) -> str:
    if one is None:
        return "-"
    return f"{with_interval(one.mean, one.low, one.high)}{one.aside}"
