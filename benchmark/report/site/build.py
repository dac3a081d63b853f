"""Writes the page: the files of this package, and what the result files say as a data script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from benchmark.metrics.registry import METRICS
from benchmark.protocol.describe import protocol_text
from benchmark.protocol.tasks import TASKS
from benchmark.report.leaderboard import leaderboard
from benchmark.report.plots import FAR_BELOW, win_shares
from benchmark.results.files import read_all
from benchmark.results.ranking import (
    LeaderboardKey,
    RankedRow,
    Value,
    leaderboard_title,
    metrics_of,
    ranked_rows,
    scores_of,
)
from benchmark.results.result import Result, is_variant, leaderboards
from faceref.errors import FaceRefError
from faceref.files import write_text

COPIED = ("style.css", "theme.js", "table.js", "charts.js", "gallery.js", "page.js")
PAGE, LEADERBOARDS, GALLERY = "index.html", "leaderboards.data.js", "gallery.data.js"
NO_IMAGES = "window.facebench = window.facebench || {};\nfacebench.images = null;\n"


def write_site(results: Path, out: Path) -> Path:
    """Write the page of the results below a folder to `out`; returns its `index.html`.

    Images that `benchmark.report.site.gallery` wrote there before stay.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in site_files(results).items():
            write_text(out / name, text)
        if not (out / GALLERY).exists():
            write_text(out / GALLERY, NO_IMAGES)
    except OSError as error:
        raise FaceRefError(
            f"Cannot write {out}: {error.strerror or error}. Choose another --out."
        ) from error
    return out / PAGE


def site_files(results: Path) -> dict[str, str]:
    """Text of every file that follows from result files alone, by name."""
    source = files("benchmark.report.site")
    found = {name: source.joinpath(name).read_text(encoding="utf-8") for name in COPIED}
    page = Template(source.joinpath(PAGE).read_text(encoding="utf-8"))
    found[PAGE] = page.substitute(leaderboards=escape(leaderboard(results)))
    found[LEADERBOARDS] = leaderboards_script(results)
    return found


def leaderboards_script(results: Path) -> str:
    """The leaderboards as a script, which a page opened from disk may load."""
    found = [
        _leaderboard(key, rows) for key, rows in sorted(leaderboards(read_all(results)).items())
    ]
    text = ",\n".join(_lines(leaderboard) for leaderboard in found)
    head = f"window.facebench = window.facebench || {{}};\nfacebench.farBelow = {FAR_BELOW};\n"
    return f"{head}facebench.leaderboards = [\n{text}\n];\n"


def _lines(leaderboard: dict[str, Any]) -> str:
    """JSON with one row of the leaderboard a line, so that a change of one row is a change of a
    line."""
    rows = ",\n".join(f"  {json.dumps(row)}" for row in leaderboard["rows"])
    rest = json.dumps({key: value for key, value in leaderboard.items() if key != "rows"})
    return f'{rest[:-1]}, "rows": [\n{rows}\n]}}'


def _leaderboard(key: LeaderboardKey, results: Sequence[Result]) -> dict[str, Any]:
    task, budget, revision, images = key
    shares = 100 * win_shares(scores_of(results, METRICS[0]))
    return {
        "title": leaderboard_title(key).replace("`", ""),
        "task": task,
        "budget": budget,
        "revision": revision,
        "images": images,
        "protocol": protocol_text(task) if task in TASKS else f"{task}: unknown to this version.",
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "heading": metric.heading,
                "unit": metric.unit,
                "higher": metric.higher_is_better,
                "digits": metric.digits,
            }
            for metric in metrics_of(results)
        ],
        "wins": shares.round(1).tolist(),
        "rows": [
            _row(ranked) | {"variant": is_variant(ranked.result, results)}
            for ranked in ranked_rows(results)
        ],
    }


def _row(ranked: RankedRow) -> dict[str, Any]:
    result = ranked.result
    return {
        "method": result.method,
        "title": result.title,
        "name": ranked.name,
        "references": result.references,
        "list": result.reference_list,
        "values": {name: _value(value) for name, value in ranked.values.items()},
        "gain": _value(ranked.gain) if ranked.gain else None,
        "parameters": result.parameters,
        "macs": result.macs,
        "training_seconds": result.training["seconds"] if result.training else None,
        "milliseconds": result.milliseconds,
        "seeds": len(result.repeats) or (None if result.budget is None else 1),
    }


def _value(value: Value) -> dict[str, float | int | None]:
    ends = {"mean": value.mean, "low": value.low, "high": value.high}
    rounded = {key: None if end is None else round(end, 4) for key, end in ends.items()}
    return rounded | {"rank": value.rank}
