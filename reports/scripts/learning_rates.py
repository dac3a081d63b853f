"""Which learning rate val chose for each method, and what it gave on test.

    python reports/scripts/learning_rates.py RESULTS [RESULTS ...] [--out reports]

Takes what the result files of RESULTS say of seed 0 into `learning_rates.json` in `--out`, beside
the rates that it knows already, and writes `learning_rates.md` from it. Train a method at another
rate with `facebench train LFW --method METHOD --budget small --learning-rate 8e-4`, evaluate it
into a folder of its own, and give that folder here; the one of the leaderboard is given last.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmark.methods.registry import load_method
from benchmark.results.files import read_all
from benchmark.results.result import Result
from faceref.files import write_json, write_text
from faceref.markdown import markdown_table

NAME = "learning_rates"
HEAD = """# Learning rates, chosen on val

LFW, `{task}`, budget `{budget}`, seed {seed}. Scores are PSNR-Y in dB. For each method, the rate
with the best score on 256 faces of val is chosen (bold). Scores on test are given beside it and
choose nothing; methods that take references got five there, found with the LR face. Numbers are in
`learning_rates.json`, which `reports/scripts/learning_rates.py` makes from the result files. The
files of rates that are no longer on the leaderboard are in the history of `reports/results`.

Short trainings of {short:,} faces (as `facebench suite --tune` makes them, with 1e-4 besides):
"""
WHOLE = """
Full trainings on {samples:,} faces (`facebench train LFW --method METHOD --learning-rate 8e-4`).
The same two rates were tried for all methods but MSRNet. It was added after val had chosen one of
them for every other method, and has that one. Rates above the higher of the two were tried in the
short trainings only:
"""
FP32 = """
Computed in float32, the others in bf16: {names}. By val the two differ by some 0.01 dB.
"""


def take_in(known: dict[str, Any], results: Iterable[Result]) -> None:
    """Add what `results` say of the trainings that `known` is of to its table, in place."""
    on_val, on_test = known["whole"]["val_psnr_y"], known["whole"]["test_psnr_y"]
    for row in wanted(known, results):
        rate = f"{row.learning_rate:g}"
        on_val.setdefault(row.method, {})[rate] = (row.training or {})["val_psnr_y"]
        on_test.setdefault(row.method, {})[rate] = round(row.means["psnr_y"], 4)


def wanted(known: dict[str, Any], results: Iterable[Result]) -> list[Result]:
    """Of every training the result with five references of the LR face, or none.

    Of the task, budget and seed that `known` names.
    """
    of = known["task"], known["budget"], known["seed"]
    return [
        row
        for row in results
        if (row.task, row.budget, row.seed) == of
        and row.reference_list in (None, "refs_lr")
        and (row.references or not row.uses_references)
        and "val_psnr_y" in (row.training or {})
    ]


def page(known: dict[str, Any]) -> str:
    """The tables, in Markdown."""
    short, whole = known["short"], known["whole"]
    head = HEAD.format(short=short["samples"], **{k: known[k] for k in ("task", "budget", "seed")})
    lines = [head, *_table({"": short["val_psnr_y"]})]
    lines += [WHOLE.format(samples=whole["samples"])]
    lines += _table({"val at ": whole["val_psnr_y"], "test at ": whole["test_psnr_y"]})
    plain = [
        f"{_title(name)} at {_short(rate)}"
        for name, rates in whole["fp32"].items()
        for rate in rates
    ]
    return "\n".join(lines) + "\n" + (FP32.format(names="; ".join(plain)) if plain else "")


def _table(measured: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """A line a method, best first; columns are rates, and the first measure chooses."""
    first = next(iter(measured.values()))
    rates = sorted({rate for found in first.values() for rate in found}, key=float)
    columns = [(head, rate) for head in measured for rate in rates]
    rows = []
    for method in sorted(first, key=lambda name: -max(first[name].values())):
        rivals = first[method]
        best = max(rivals, key=lambda rate: rivals[rate]) if len(rivals) > 1 else None
        cells = [_title(method)]
        for head, rate in columns:
            value = measured[head].get(method, {}).get(rate)
            text = "-" if value is None else f"{value:.3f}"
            chosen = rate == best and measured[head] is first
            cells.append(f"**{text}**" if chosen else text)
        rows.append(cells)
    return markdown_table(["method", *(f"{head}{_short(rate)}" for head, rate in columns)], rows)


def _title(method: str) -> str:
    return load_method(method).title


def _short(rate: str) -> str:
    return f"{float(rate) * 1e4:g}e-4"


def main() -> None:
    """Read, add, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+", help="folders of result files")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    file = given.out / f"{NAME}.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    for folder in given.results:
        take_in(known, read_all(folder))
    write_json(file, known)
    write_text(file.with_suffix(".md"), page(known))


if __name__ == "__main__":
    main()
