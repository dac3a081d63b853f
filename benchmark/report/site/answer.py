"""Do other people's faces help? Each method with references against itself without, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.metrics.registry import METRICS, metric_info
from benchmark.report.table import Table
from benchmark.results.paired import Paired, corrected, paired_results
from benchmark.results.result import Result

SEEN = "refs_lr"
"""The list that can be had in use."""
HARDLY, A_LITTLE = 0.05, 0.25
"""Up to which part of the gain over bicubic the answer is in these words."""
LEAST = 0.05
"""A gain in dB below which the answer is `Hardly`, whatever part of the whole it is."""
LEVEL = 0.05
ASIDE = (
    "It was trained with references: compare it with methods that take none, on the leaderboard."
)
UNTRAINED = (
    "That cannot be told here. Networks that take references are no better than bicubic upsampling "
    "when given none: they have trained too little."
)


@dataclass(frozen=True)
class Pair:
    """One trained network, given references and given none."""

    given: Result
    alone: Result
    gain: Paired
    """First metric of `given` minus `alone`; p is corrected for the number of pairs."""


def answer(table: Table) -> dict[str, Any] | None:
    """What the page says of one leaderboard; None where no method was scored both ways."""
    pairs = pairs_of(table)
    if not pairs:
        return None
    metric = metric_info(METRICS[0])
    rows = [
        {
            "name": pair.given.title,
            "given": round(pair.given.means[metric.name], 4),
            "alone": round(pair.alone.means[metric.name], 4),
            "gain": {
                "mean": round(pair.gain.mean, 4),
                "low": round(pair.gain.low, 4),
                "high": round(pair.gain.high, 4),
            },
        }
        for pair in pairs
    ]
    return {"words": words(pairs, table.results), "rows": rows}


def pairs_of(table: Table) -> list[Pair]:
    """The pairs of a leaderboard, variants left out, the greatest gain first."""
    alone = {
        (row.method, row.title): row
        for row in table.results
        if row.references == 0 and row.uses_references
    }
    both = [
        (row, alone[row.method, row.title])
        for row in table.without_variants
        if row.reference_list == SEEN and (row.method, row.title) in alone
    ]
    gains = corrected([paired_results(*pair, METRICS[0]) for pair in both])
    found = [Pair(*pair, gain) for pair, gain in zip(both, gains, strict=True)]
    return sorted(found, key=lambda pair: -pair.gain.mean)


def words(pairs: Sequence[Pair], results: Sequence[Result]) -> str:
    """The answer in at most three numbers; `results` hold bicubic, if anybody scored it."""
    metric = METRICS[0]
    bicubic = next((row.means[metric] for row in results if row.method == "bicubic"), None)
    if bicubic is not None and all(pair.alone.means[metric] <= bicubic for pair in pairs):
        return UNTRAINED
    best = next((p for p in pairs if p.gain.mean > 0 and p.gain.p < LEVEL), None)
    if best is None:
        return (
            f"No. With references, no network here is better than with none, beyond chance. {ASIDE}"
        )
    unit = metric_info(metric).unit
    at_most = "" if len(pairs) == 1 else "at most "
    how = (
        f"With references the same network scores {at_most}{best.gain.mean:.2f} {unit} higher than "
        "with none"
    )
    if bicubic is None:
        return f"{how}. {ASIDE}"
    whole = best.given.means[metric] - bicubic
    return (
        f"{_verdict(best.gain.mean, whole)}. {how}; over bicubic upsampling it gains "
        f"{whole:.2f} {unit} in all. {ASIDE}"
    )


def _verdict(gain: float, whole: float) -> str:
    part = gain / whole
    if part <= HARDLY or gain < LEAST:
        return "Hardly"
    return "A little" if part <= A_LITTLE else "Yes"
