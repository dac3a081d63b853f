"""The part of the page on transfer about the ablations of MSRNet: what they lose of the gain.

Of the results that `transfer.json` names. `transfer_page.py` puts it into its page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.protocol.tasks import task
from benchmark.results.files import read
from benchmark.results.paired import Paired, corrected, over_zero
from benchmark.results.statistics import p_text
from faceref.markdown import markdown_table
from reports.scripts.likeness_page import numbers, psnr

WHOLE = "msrnet"
NONE, FIVE = "-s0-k0", "-s0-k5"
"""Ends of the keys of a network's rows, by the references that it was given."""
HEAD = """## What the parts of MSRNet add

The gain of five look-alikes over none, of MSRNet and of its ablations, one training each (seed 0).
The last columns have how much larger the gain of MSRNet is, face by face; p is corrected (Holm) for
the rows of this table. It does not say what another training would change. Ablations trained in
fp32 also differ from MSRNet by their precision, and on CelebA in the wild by their lists of
look-alikes ([note](leaderboard.md)).
"""


def ablations_part(out: Path) -> str:
    """The table, in Markdown."""
    found: list[tuple[list[str], Paired | None]] = []
    for name, networks in numbers(out, "transfer").items():
        methods = [key.removesuffix(FIVE) for key in networks if key.endswith(FIVE)]
        whole = None
        for method in methods if len(methods) > 1 else []:
            five, none = (_as_trained(out, networks, method + end) for end in (FIVE, NONE))
            assert five.image_ids == none.image_ids
            gain = psnr(five) - psnr(none)
            whole = gain if method == WHOLE else whole
            assert whole is not None
            assert five.training is not None
            cells = [task(name).title.rpartition(",")[0], none.title, five.training["precision"]]
            cells.append(over_zero(gain, five.people).text(2))
            lost = None if method == WHOLE else over_zero(whole - gain, five.people)
            found.append((cells, lost))
    over = iter(corrected([lost for _, lost in found if lost]))
    lines = []
    for cells, lost in found:
        diff = next(over) if lost else None
        lines.append([*cells, *([diff.text(2), p_text(diff.p)] if diff else ["", ""])])
    columns = ["", "", "trained in", "gain, dB", "MSRNet's is larger by, dB", ""]
    return HEAD + "\n" + "\n".join(markdown_table(columns, lines, "lllrrr")) + "\n"


def _as_trained(out: Path, networks: dict[str, Any], key: str) -> Any:
    return read(out / networks[key]["as trained"]["result"])
