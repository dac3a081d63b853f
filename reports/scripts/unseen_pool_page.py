"""The part of the page on transfer about pools that a network was not trained on.

Of `unseen_pool.json`, as of `unseen_pool.py`. `transfer_page.py` puts it into its page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.budgets import budget
from benchmark.results.files import read
from benchmark.results.paired import Paired, corrected, over_zero, paired
from benchmark.results.statistics import p_text
from faceref.markdown import markdown_table
from reports.scripts.likeness_page import numbers

NAME = "unseen_pool"
HEAD = """## In the training domain, with faces that were not trained on

Does a pool bring little on LFW because the network was trained on its very faces, or because it
knows faces of that kind? Here a pool of LFW's {faces:,} val faces, which no network was trained on,
is compared with pools of as many train faces. The people of the latter were drawn twice, and their
column is the mean. Val chose at which step of its training a network was kept. References
are the five most alike faces of the pool. Gains are over the network as trained and without
references, one training each. By `reports/scripts/unseen_pool.py`; numbers in `unseen_pool.json`.

"""


@dataclass(frozen=True)
class Line:
    """What pools of both kinds bring a network."""

    network: str
    given: str
    trained_on: int
    """Faces seen in training, counting repetitions."""
    tested: int
    unseen: Paired
    seen: Paired
    difference: Paired


def unseen_lines(out: Path) -> list[Line]:
    """Of every network, p of the differences corrected."""
    lines = [_line(out, one) for one in numbers(out, NAME).values()]
    found = corrected([line.difference for line in lines])
    return [
        Line(**{**vars(line), "difference": one}) for line, one in zip(lines, found, strict=True)
    ]


def _line(out: Path, one: dict[str, Any]) -> Line:
    people = _people(out, one["tested"])
    gains = {name: np.array(gain) for name, gain in one["gains"].items()}
    unseen = gains.pop("val")
    seen = np.mean(list(gains.values()), 0)
    count = one["references"]
    return Line(
        one["network"],
        f"{count} references" if count else "error memory",
        budget(one["budget"]).samples,
        one["tested"],
        over_zero(unseen, people),
        over_zero(seen, people),
        paired(unseen, seen, people),
    )


def _people(out: Path, tested: int) -> np.ndarray:
    """A number for the person of each LFW test face that was scored."""
    people = read(out / "results" / "lfw-x8@1" / "bicubic" / "untrained.json").people
    return people[np.linspace(0, len(people) - 1, tested).round().astype(int)]


def unseen_part(out: Path) -> str:
    """The whole part, in Markdown."""
    cells = [
        [
            line.network,
            f"{line.trained_on:,}",
            line.given,
            f"{line.tested:,}",
            line.unseen.text(),
            line.seen.text(),
            line.difference.text(),
            p_text(line.difference.p),
        ]
        for line in unseen_lines(out)
    ]
    columns = ["", "trained on", "with", "test faces", "faces not trained on, dB"]
    columns += ["faces trained on, dB", "difference, dB", ""]
    first = next(iter(numbers(out, NAME).values()))
    table = markdown_table(columns, cells, "lrlrrrrr")
    return HEAD.format(faces=first["faces"]) + "\n".join(table) + "\n"
