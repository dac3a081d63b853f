"""Tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_RULES = {"l": "---", "r": "---:"}


def markdown_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], align: str = ""
) -> list[str]:
    """Lines of a table in GitHub's Markdown.

    Args:
        columns: Headings.
        rows: Cells of each row, as many as there are columns. A `|` in one is escaped, the end of
            a line becomes a space.
        align: A letter a column: `l` for text, `r` for numbers. By default the first column is
            text, the others are numbers.

    Returns:
        Heading, rule, and a line a row.

    Example:
        >>> print("\\n".join(markdown_table(["method", "PSNR"], [["EDSR", "27.52"]])))
        | method | PSNR |
        | --- | ---: |
        | EDSR | 27.52 |
    """
    rules = [_RULES[one] for one in align or "l" + "r" * (len(columns) - 1)]
    escaped = ([" ".join(cell.splitlines()) for cell in cells] for cells in (columns, *rows))
    heads, *body = ([re.sub(r"(?<!\\)\|", r"\|", cell) for cell in cells] for cells in escaped)
    lines = [heads, rules, *body]
    if any(len(cells) != len(columns) for cells in lines):
        raise ValueError(f"Every row of the table {list(columns)} needs {len(columns)} cells.")
    return ["".join(f"| {cell} " if cell else "| " for cell in cells) + "|" for cells in lines]
