"""The parts of pages that are made from the code, each below a comment that names it.

All are made when the site is built. Tables also lie in the pages of the repository; this brings
them up to date:

    python -m docs.scripts.generated
"""

from __future__ import annotations

import re
from pathlib import Path

import benchmark
import faceref
from benchmark.cli.app import app as facebench_app
from docs.scripts.api import api_reference
from docs.scripts.commands import command_reference
from docs.scripts.repository import DOCS, ROOT
from docs.scripts.tables import methods_table, metrics_table, tasks_table
from faceref.cli.app import app as faceref_app
from faceref.errors import unknown_choice

WEIGHTS = ROOT / "weights"
MARK = re.compile(r"^<!-- generated: (?P<what>.+) -->$(?:\n.+)*", re.MULTILINE)
"""A mark, and the lines right below it: a table, or what the repository has in its place."""
TABLES = ("methods.md", "models.md")
"""Pages whose parts are tables, which the repository's own copies hold, too."""


def filled(text: str) -> str:
    """`text` with every `<!-- generated: WHAT -->` replaced by what it names."""
    return MARK.sub(lambda match: _made(match["what"]), text)


def with_tables(text: str) -> str:
    """`text` with what each mark names below it."""
    return MARK.sub(
        lambda match: f"{match[0].splitlines()[0]}\n{_made(match['what'])}",
        text,
    )


def weights_table(folder: Path = WEIGHTS) -> str:
    """Every file of exported weights: its size, its model card and its SHA-256."""
    lines = ["| weights | size | SHA-256 |", "| --- | ---: | --- |"]
    for path in sorted(folder.rglob("*.safetensors")):
        sum_file = path.with_name(f"{path.name}.sha256")
        sha256 = sum_file.read_text(encoding="utf-8").split()[0]
        card = f"../{path.relative_to(ROOT).with_suffix('.md').as_posix()}"
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        name = f"{path.parent.name}/{path.stem}"
        lines.append(f"| [`{name}`]({card}) | {size} | `{sha256}` |")
    return "\n".join(lines)


PARTS = {
    "commands of faceref": lambda: command_reference("faceref", faceref_app),
    "commands of facebench": lambda: command_reference("facebench", facebench_app),
    "API of faceref": lambda: api_reference(faceref),
    "API of benchmark": lambda: api_reference(benchmark),
    "weights": weights_table,
    "methods": methods_table,
    "metrics": metrics_table,
    "tasks": tasks_table,
}


def _made(what: str) -> str:
    if what not in PARTS:
        raise unknown_choice("generated part", what, PARTS)
    return PARTS[what]()


def main() -> None:
    """Write the tables of all pages anew."""
    for page in TABLES:
        path = ROOT / DOCS / page
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
