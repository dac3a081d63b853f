"""The part of the page on transfer about the ablations of MSRNet: what they lose of the gain.

Of the results that `transfer.json` names. `transfer_page.py` puts it into its page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.tasks import task
from benchmark.results.files import read
from benchmark.results.paired import Paired, corrected, over_zero
from benchmark.results.result import Result
from benchmark.results.statistics import p_text
from faceref.markdown import markdown_table
from reports.scripts.likeness_page import numbers, psnr
from reports.scripts.training_length_page import BASE

WHOLE = "msrnet"
NONE, FIVE = "-s0-k0", "-s0-k5"
"""Ends of the keys of a network's rows, by the references that it was given."""
HEAD = """## What the parts of MSRNet add

The gain of five look-alikes over none, of MSRNet and of its [ablations](../docs/msrnet.md), one
training each (seed 0). The last columns have how much larger the gain of MSRNet is, face by face.
p is corrected (Holm) for the rows of this table, intervals are not. Neither says what another
training would change. Ablations trained in float32 also differ from MSRNet by their precision, and
on CelebA in the wild by their lists of look-alikes ([note](leaderboard.md)).
"""


@dataclass(frozen=True)
class Part:
    """MSRNet or an ablation of it on one task, in dB."""

    task: str
    method: str
    title: str
    precision: str
    """It was trained in."""
    gain: Paired
    """By five references over none."""
    lost: Paired | None
    """By how much the gain of MSRNet is larger; None for MSRNet itself."""


def all_parts(out: Path) -> list[Part]:
    """MSRNet, then its ablations, of every task that has some; p of what they lose is corrected."""
    found: list[Part] = []
    for name, networks in numbers(out, "transfer").items():
        methods = [key.removesuffix(FIVE) for key in networks if key.endswith(FIVE)]
        if not any(method != WHOLE for method in methods):
            continue
        gains = {method: _gain(out, networks, method) for method in methods}
        whole, _ = gains[WHOLE]
        for method, (gain, five) in sorted(gains.items(), key=lambda item: item[0] != WHOLE):
            precision = "float32" if five.precision == "fp32" else str(five.precision)
            lost = None if method == WHOLE else over_zero(whole - gain, five.people)
            mine = over_zero(gain, five.people)
            found.append(Part(name, method, five.title, precision, mine, lost))
    over = iter(corrected([part.lost for part in found if part.lost]))
    return [replace(part, lost=next(over)) if part.lost else part for part in found]


def ablations_part(out: Path) -> str:
    """The table, in Markdown."""
    lines = []
    for part in all_parts(out):
        lost = [part.lost.text(3), p_text(part.lost.p)] if part.lost else ["", ""]
        place = task(part.task).title.rpartition(",")[0]
        lines.append([place, part.title, part.precision, part.gain.text(3), *lost])
    columns = ["", "", "trained in", "gain, dB", "MSRNet's is larger by, dB", ""]
    return HEAD + "\n" + "\n".join(markdown_table(columns, lines, "lllrrr")) + "\n"


def _gain(out: Path, networks: dict[str, Any], method: str) -> tuple[np.ndarray, Result]:
    """What five references give each face, dB, and the result with them."""
    five, none = (read(out / networks[method + end][BASE]["result"]) for end in (FIVE, NONE))
    weights = [(one.training or {})["weights_sha256"] for one in (five, none)]
    assert (five.image_ids, weights[0]) == (none.image_ids, weights[1])
    return psnr(five) - psnr(none), five
