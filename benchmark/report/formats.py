"""Leaderboards in the forms that others read: CSV, LaTeX and the YAML of model cards."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from benchmark.metrics.registry import MetricInfo, metric_info
from benchmark.report.leaderboard import leaderboard
from benchmark.results.files import read_all
from benchmark.results.ranking import (
    LeaderboardKey,
    RankedRow,
    Value,
    known_means,
    leaderboard_name,
    leaderboard_title,
    metrics_of,
    ranked_rows,
    task_title,
)
from benchmark.results.result import Result, leaderboards
from faceref.errors import FaceRefError, unknown_choice
from faceref.files import write_text

LATEX_NOTE = (
    "Best in bold, second underlined; rows that cannot be told apart from the best (paired "
    "bootstrap over faces, Holm's correction, 5\\,\\%) count as best, too."
)
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def leaderboard_text(results: Path, form: str) -> str:
    """All leaderboards of the results below a folder, in one of `FORMS`; raises FaceRefError."""
    if form not in FORMS:
        raise unknown_choice("format", form, FORMS)
    return FORMS[form](results)


def write_leaderboard(results: Path, out: Path, form: str) -> str:
    """Write the leaderboards to `out` in one of `FORMS`; returns the text."""
    text = leaderboard_text(results, form)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, text)
    except OSError as error:
        raise FaceRefError(
            f"Cannot write {out}: {error.strerror or error}. Choose another --out."
        ) from error
    return text


def comma_separated(results: Path) -> str:
    """One table of all leaderboards, a row a method and leaderboard; numbers are not rounded for
    reading."""
    found = leaderboards(read_all(results))
    facts = metrics_of([row for rows in found.values() for row in rows])
    buffer = io.StringIO()
    head = [*_ABOUT, *(f"{m.name}{part}" for m in facts for part in _PARTS), *_GAIN, *_COST]
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    for key, rows in sorted(found.items()):
        for ranked in ranked_rows(rows):
            writer.writerow(_cells(key, ranked, facts))
    return buffer.getvalue()


_ABOUT = ("task", "budget", "data_revision", "images", "method", "name", "references", "list")
_PARTS = ("", "_low", "_high", "_rank")
_GAIN = ("over_bicubic", "over_bicubic_low", "over_bicubic_high")
_COST = ("parameters", "macs", "training_seconds", "milliseconds", "seeds", "weights_sha256")
"""Of several seeds: `seeds` and `weights_sha256` hold one each, between spaces."""


def _cells(key: LeaderboardKey, row: RankedRow, facts: Sequence[MetricInfo]) -> list[Any]:
    result, training = row.result, row.result.training or {}
    cells = [*key, result.method, row.name, result.references, result.reference_list]
    for metric in facts:
        value = row.values.get(metric.name)
        cells += [*_rounded(value), value.rank if value else None]
    cells += _rounded(row.gain)
    cells += [result.parameters, result.macs, training.get("seconds"), result.milliseconds]
    runs = [run for run in result.single_seeds if run.training is not None]
    cells.append(" ".join(str(run.seed) for run in runs))
    return [*cells, " ".join((run.training or {})["weights_sha256"] for run in runs)]


def _rounded(value: Value | None) -> list[float | None]:
    numbers = [None] * 3 if value is None else [value.mean, value.low, value.high]
    return [None if number is None else round(number, 5) for number in numbers]


def latex(results: Path) -> str:
    """A `table` for each leaderboard; needs the package booktabs."""
    found = sorted(leaderboards(read_all(results)).items())
    return "\n".join(_latex_table(key, ranked_rows(rows)) for key, rows in found)


def _latex_table(key: LeaderboardKey, rows: Sequence[RankedRow]) -> str:
    facts = metrics_of([row.result for row in rows])
    marks = {metric.name: _marks(rows, metric) for metric in facts}
    heads = [f"{escape_latex(metric.heading)} ${_ARROWS[metric.arrow]}$" for metric in facts]
    lines = [
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


def model_index(results: Path) -> str:
    """The `model-index` of Hugging Face model cards, a model for each method and training."""
    from huggingface_hub.repocard_data import eval_results_to_model_index
    from huggingface_hub.utils import yaml_dump

    models: dict[str, dict[str, Result]] = {}
    for _, rows in sorted(leaderboards(read_all(results)).items()):
        for row in chain.from_iterable(row.single_seeds for row in rows):
            same = f"{row.task} {row.data_revision} {row.images} {row.run}"
            models.setdefault(_model_name(row), {})[same] = row
    entries = [
        entry
        for name, rows in models.items()
        for entry in eval_results_to_model_index(
            name, [found for row in rows.values() for found in _eval_results(row)]
        )
    ]
    return yaml_dump({"model-index": entries})


def _model_name(result: Result) -> str:
    training = [] if result.budget is None else [result.budget, f"s{result.seed}"]
    return "-".join([result.method, *training])


def _eval_results(result: Result) -> list[Any]:
    from huggingface_hub import EvalResult

    given = f"K={result.references}, {result.reference_list}" if result.references else "K=0"
    config = f"{given}, {result.images} faces"
    return [
        EvalResult(
            task_type="image-to-image",
            task_name="Face super-resolution",
            dataset_type=result.task.partition("@")[0],
            dataset_name=f"{task_title(result.task)} ({result.task})",
            dataset_config=config,
            dataset_split=result.split,
            dataset_revision=result.data_revision,
            metric_type=metric,
            metric_name=metric_info(metric).heading,
            metric_value=value,
        )
        for metric, value in known_means(result).items()
    ]


ENDINGS = {"md": "md", "csv": "csv", "latex": "tex", "yaml": "yaml"}
"""How files of each form end."""
FORMS: dict[str, Callable[[Path], str]] = {
    "md": leaderboard,
    "csv": comma_separated,
    "latex": latex,
    "yaml": model_index,
}
"""By the name that `facebench leaderboard --format` takes."""
