"""What was tried to break the package, and what was lost: reliability.md, of reliability/*.json.

    python reports/scripts/reliability.py [--out reports]

The files of `--out`/reliability are written by the commands of `COMMANDS`, which take from minutes
to hours; this only draws the page of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError
from faceref.files import write_text
from faceref.markdown import markdown_table

FOLDER = "reliability"
COMMANDS = {
    "kills": "python tests/faults/kill.py --kills 200 --seed 0 --jobs 2",
    "images": "python tests/fuzz/images.py",
    "tables": "python tests/fuzz/tables.py",
    "cases": "python tests/faults/cases.py",
}
"""What writes each file, with `--out reports/reliability/NAME.json` behind it."""
HEAD = """# Reliability

The table lists what was done to break the package, and what was lost. `make reports` makes this
page from `reports/reliability/*.json`; `tests/faults/README.md` says how to repeat each trial.
"""
KILLS = """
## Killed at any moment

Commands were killed with SIGKILL {tried:,} times: half of the times at a random moment of the run,
half just before a change of a file. Between kills, the disk was full {full:,} times and the source
folder was gone {vanished:,} times. After each of these, the inputs must be unchanged, and whatever
claims to be finished must be complete. An attempt is a command that is disturbed up to nine times
and then runs to its end. It has the "same bytes" if every file is then that of an undisturbed run
and no other file is left. An attempt that breaks any of these rules counts as lost. Not compared:
{not_compared}.
"""
FUZZ = """
## {what}

{tried:,} inputs were mutated at random. "Right": the input could still be read, either unchanged or
as the mutation made it. "Refused": it was rejected with a reason of one line. "Escaped": anything
else, such as another error, more than 5 seconds or more than 1 GiB.
"""
CASES = """
## Inputs and faults that once broke it

Each case is named and described in `tests/faults/README.md`. A test is skipped where the machine
lacks what it needs.
"""


def page(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The page, in Markdown, of the content of each of `COMMANDS`."""
    lines = [HEAD, *_summary(found)]
    lines += [_kills_text(found["kills"]), *_kills_table(found["kills"]["kinds"])]
    for name in ("images", "tables"):
        title = found[name]["what"]
        lines.append(FUZZ.format(what=title[:1].upper() + title[1:], tried=found[name]["tried"]))
        lines += _fuzz_table(found[name]["kinds"])
    return "\n".join([*lines, CASES, *_cases_table(found["cases"]["cases"])]) + "\n"


def _summary(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = [
        [one["what"], f"{one['tried']:,}", f"{one['lost']:,}", _seed(one), f"`{one['command']}`"]
        for one in found.values()
    ]
    return markdown_table(["what", "tried", "lost", "seed", "command"], rows, "lrrrl")


def _seed(one: Mapping[str, Any]) -> str:
    return str(one.get("seed", "-"))


def _kills_text(kills: Mapping[str, Any]) -> str:
    kinds = kills["kinds"].values()
    left_out = ", ".join(f"`{name}` ({why})" for name, why in kills["not_compared"].items())
    return KILLS.format(
        tried=kills["tried"],
        full=sum(kind["full_disk"] for kind in kinds),
        vanished=sum(kind["vanished_source"] for kind in kinds),
        not_compared=left_out,
    )


def _kills_table(kinds: Mapping[str, Mapping[str, int]]) -> list[str]:
    columns = {
        "tried": "kills",
        "full_disk": "full disk",
        "vanished_source": "source gone",
        "told": "errors of one line",
        "finished": "attempts",
        "same_bytes": "same bytes",
        "lost": "lost",
    }
    return _table("command", columns, kinds)


def _fuzz_table(kinds: Mapping[str, Mapping[str, float]]) -> list[str]:
    columns = {
        "tried": "tried",
        "right": "right",
        "refused": "refused",
        "escaped": "escaped",
        "slowest_s": "slowest, s",
        "peak_mb": "peak, MB",
    }
    return _table("kind", columns, kinds)


def _cases_table(cases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    columns = {"tests": "tests", "passed": "passed", "skipped": "skipped", "failed": "failed"}
    counted = {name: {**case, "tests": len(case["tests"])} for name, case in cases.items()}
    return _table("case", columns, counted)


def _table(
    first: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, float]]
) -> list[str]:
    cells = [[name, *(f"{row[one]:,}" for one in columns)] for name, row in rows.items()]
    return markdown_table([first, *columns.values()], cells, "l" + "r" * len(columns))


def read(folder: Path, names: Sequence[str] = tuple(COMMANDS)) -> dict[str, dict[str, Any]]:
    """The files `NAME.json` of `folder`; raises FaceRefError for one that is missing."""
    found = {}
    for name in names:
        path = folder / f"{name}.json"
        if not path.is_file():
            raise FaceRefError(f"{path} is missing. Make it: {COMMANDS[name]} --out {path}")
        found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description="Draw reliability.md.")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    try:
        found = read(given.out / FOLDER)
    except FaceRefError as error:
        raise SystemExit(f"error: {error}") from error
    write_text(given.out / "reliability.md", page(found))


if __name__ == "__main__":
    main()
