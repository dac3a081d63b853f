"""Writes the page: the files of this package, and what the result files say as a data script."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from benchmark.metrics.registry import METRICS
from benchmark.protocol.describe import protocol_text
from benchmark.protocol.tasks import TASKS
from benchmark.report.leaderboard import Leaderboard
from benchmark.report.plots import FAR_BELOW, win_shares
from benchmark.report.site.answer import SEEN, answer
from benchmark.report.table import Table
from benchmark.results.ranking import RankedRow, Value, metrics_of, scores_of
from benchmark.results.result import Result
from faceref.errors import FaceRefError
from faceref.files import write_text

COPIED = ("style.css", "theme.js", "table.js", "charts.js", "gallery.js", "page.js")
PAGE, LEADERBOARDS, GALLERY = "index.html", "leaderboards.data.js", "gallery.data.js"
NO_IMAGES = "window.facebench = window.facebench || {};\nfacebench.images = null;\n"


def write_site(leaderboard: Leaderboard, out: str | Path) -> Path:
    """Write the page: sortable leaderboards, charts, protocols, and images where there are any.

    Images that `benchmark.report.site.gallery.write_gallery` wrote there before stay.

    Args:
        leaderboard: What to show, as from `Leaderboard.of("results")`.
        out: Folder of the page; it is made.

    Returns:
        Its `index.html`.

    Raises:
        FaceRefError: Where `out` cannot be written.
    """
    out = Path(out)
    need_page_folder(out)
    for name, text in site_files(leaderboard).items():
        write_text(out / name, text)
    if not (out / GALLERY).exists():
        write_text(out / GALLERY, NO_IMAGES)
    return out / PAGE


def need_page_folder(out: Path) -> None:
    """Raise FaceRefError where files of the page's names are there and no page of ours is."""
    ours = (LEADERBOARDS, GALLERY)
    there = [name for name in (PAGE, *COPIED) if (out / name).exists()]
    if there and not any((out / name).is_file() for name in ours):
        raise FaceRefError(
            f"{out} holds another page: its {', '.join(there)} would be replaced. Choose another "
            "--out."
        )


def site_files(leaderboard: Leaderboard) -> dict[str, str]:
    """Text of every file that follows from results alone, by name."""
    source = files("benchmark.report.site")
    # First what says that the page is ours.
    found = {LEADERBOARDS: leaderboards_script(leaderboard)}
    found |= {name: source.joinpath(name).read_text(encoding="utf-8") for name in COPIED}
    page = Template(source.joinpath(PAGE).read_text(encoding="utf-8"))
    found[PAGE] = page.substitute(leaderboards=escape(leaderboard.to_markdown()))
    return found


def leaderboards_script(leaderboard: Leaderboard) -> str:
    """The leaderboards as a script, which a page opened from disk may load."""
    text = ",\n".join(_lines(_table(table)) for table in leaderboard.tables)
    head = f"window.facebench = window.facebench || {{}};\nfacebench.farBelow = {FAR_BELOW};\n"
    return f"{head}facebench.leaderboards = [\n{text}\n];\n"


def _lines(content: dict[str, Any]) -> str:
    """JSON with a row a line, so that a change of a row is a change of a line."""
    rows = ",\n".join(f"  {json.dumps(row)}" for row in content["rows"])
    rest = json.dumps({key: value for key, value in content.items() if key != "rows"})
    return f'{rest[:-1]}, "rows": [\n{rows}\n]}}'


def _table(table: Table) -> dict[str, Any]:
    task, budget, revision, *_ = table.key
    shares = 100 * win_shares(scores_of(table.results, METRICS[0]))
    return {
        "title": table.title.replace("`", ""),
        "task": task,
        "budget": budget,
        "revision": revision,
        "faces": table.results[0].faces_text,
        "protocol": protocol_text(task) if task in TASKS else f"{task}: unknown to this version.",
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "heading": metric.heading,
                "about": metric.about,
                "unit": metric.unit,
                "higher": metric.higher_is_better,
                "digits": metric.digits,
            }
            for metric in metrics_of(table.results)
        ],
        "wins": shares.round(1).tolist(),
        "answer": answer(table),
        "rows": [
            _row(ranked) | {"variant": table.is_variant(ranked.result)} for ranked in table.rows
        ],
    }


def _row(ranked: RankedRow) -> dict[str, Any]:
    result = ranked.result
    return {
        "method": result.method,
        "title": result.title,
        "name": plain_name(result),
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


_FOUND = {
    SEEN: "",
    "refs_hr": " found with HR",
    "both": " of both lists",
    "random": " drawn at random",
    "refs_elsewhere": " of another set",
    "target": ": the face itself",
}


def plain_name(result: Result) -> str:
    """How the page calls a row, such as `MSRNet (5 references)`."""
    if result.reference_list is None:
        return f"{result.title} (no references)" if result.uses_references else result.title
    count = "1 reference" if result.references == 1 else f"{result.references} references"
    return f"{result.title} ({count}{_FOUND[result.reference_list]})"


def _value(value: Value) -> dict[str, float | int | None]:
    ends = {"mean": value.mean, "low": value.low, "high": value.high}
    rounded = {key: None if end is None else round(end, 4) for key, end in ends.items()}
    return rounded | {"rank": value.rank}
