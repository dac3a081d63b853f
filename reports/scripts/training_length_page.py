"""The part of the page on transfer about the length of the training, and its figure.

Of `training_length/`FACES/transfer.json, as of `training_length.py`, and of the networks of the
budget `small`. `transfer_page.py` puts it into its page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.protocol.budgets import budget
from benchmark.report.style import COLOURS, FULL_WIDTH, figure_of, save_figure
from benchmark.results.files import read
from benchmark.results.paired import Paired, paired_results
from benchmark.results.result import Result, run_name
from faceref.markdown import markdown_table
from reports.scripts.likeness_page import numbers

NAME = "training_length"
BASE = "as trained"
REFERENCES = 5
MEMORIES = {
    "lfw-x8@1": "memory of 1000",
    "lfw-to-sample-x8@1": "memory",
    "lfw-to-celeba-wild-x8@1": "memory of 1000",
}
SEEDS = {"sparnet_s": "s2", "msrnet": "s0"}
"""Of the networks of `small`: those in `weights/lfw-x8-small`. Other trainings have seed 0."""
HEAD = """## How the gains change with the length of the training

Networks were trained on LFW by the recipe of the budget `small`, which shows {own:,} faces, counted
with their repetitions, and by the same recipe on fewer and on more, one training each:
{precisions}. All were scored in the same way. All have
seed 0, but SPARNet-s of `small` has seed 2. The error memory is that of all train faces of the
sample, and elsewhere of 1,000 faces. References are the five most alike faces. A cell has the
PSNR-Y as trained and without references, and the gain, in dB. By
`reports/scripts/training_length.py`; results in `training_length/`.

![Gain by the number of faces seen in training](figures/training_length.png)
"""


@dataclass(frozen=True)
class Line:
    """One gain on one task, by the number of faces seen in training."""

    task: str
    title: str
    base: dict[int, float]
    """PSNR-Y of the network as trained and without references, dB."""
    gains: dict[int, Paired]
    precisions: dict[int, str]
    """What the networks were trained in."""


def length_lines(out: Path) -> list[Line]:
    """Of each task the error memory of SPARNet-s, and the references of MSRNet."""
    places = {int(path.name): path for path in (out / NAME).iterdir()}
    places[budget("small").samples] = out
    pairs: dict[tuple[str, str], dict[int, tuple[Result, Result]]] = {}
    for faces, place in sorted(places.items()):
        known = numbers(place, "transfer")
        for name, memory in MEMORIES.items():
            seed = SEEDS if place == out else dict.fromkeys(SEEDS, "s0")
            single = known[name][f"sparnet_s-{seed['sparnet_s']}"]
            rows = [read(place / single[way]["result"]) for way in (BASE, memory)]
            pairs.setdefault((name, "SPARNet-s, error memory"), {})[faces] = rows[0], rows[1]
            rows = [_msrnet(place, known[name], name, count) for count in (0, REFERENCES)]
            if rows[0] and rows[1]:
                pairs.setdefault((name, "MSRNet, five references"), {})[faces] = rows[0], rows[1]
    return [_line(name, title, rows) for (name, title), rows in pairs.items()]


def _msrnet(place: Path, known: Mapping[str, Any], name: str, count: int) -> Result | None:
    """MSRNet of seed 0 as trained, None where it was not trained for that long.

    In the training domain that of `small` is on the leaderboard alone.
    """
    network = f"msrnet-s0-k{count}"
    if network in known:
        return read(place / known[network][BASE]["result"])
    run = run_name("small", count, "refs_lr", True, 0)
    path = place / "results" / name / "msrnet" / f"{run}.json"
    return read(path) if path.exists() else None


def _line(name: str, title: str, rows: dict[int, tuple[Result, Result]]) -> Line:
    for base, ours in rows.values():
        assert base.training
        assert ours.training
        assert base.training["weights_sha256"] == ours.training["weights_sha256"]
        assert base.image_ids == ours.image_ids
    means = {faces: pair[0].means["psnr_y"] for faces, pair in rows.items()}
    gains = {faces: paired_results(pair[1], pair[0], "psnr_y") for faces, pair in rows.items()}
    precisions = {faces: pair[0].precision or "" for faces, pair in rows.items()}
    return Line(name, title, means, gains, precisions)


def length_part(out: Path) -> str:
    """The whole part, in Markdown."""
    lines = length_lines(out)
    lengths = sorted(lines[0].gains)
    cells = [
        [_place(line.task), line.title]
        + [
            f"{line.base[faces]:.2f}, {line.gains[faces].text(2)}" if faces in line.gains else "-"
            for faces in lengths
        ]
        for line in lines
    ]
    columns = ["on", "gain by", *(f"{faces:,} faces" for faces in lengths)]
    head = HEAD.format(own=budget("small").samples, precisions=_precisions(lines))
    return head + "\n" + "\n".join(markdown_table(columns, cells)) + "\n"


def _precisions(lines: list[Line]) -> str:
    """What the networks of each length were trained in."""
    lengths: dict[str, set[int]] = {}
    for line in lines:
        for faces, precision in line.precisions.items():
            lengths.setdefault(precision, set()).add(faces)
    words = {"fp32": "float32", "bf16": "bf16"}
    parts = [
        f"{', '.join(f'{one:,}' for one in sorted(found))} faces in {words[name]}"
        for name, found in lengths.items()
    ]
    return "; ".join(parts)


def _place(name: str) -> str:
    """The set that is tested."""
    return {"lfw-x8@1": "LFW, the training domain", "lfw-to-sample-x8@1": "the sample"}.get(
        name, "CelebA in the wild"
    )


def draw_length(out: Path) -> None:
    """A panel a task, a line a way to use the pool."""
    lines = length_lines(out)
    names = list(dict.fromkeys(line.task for line in lines))
    figure, axes = figure_of(FULL_WIDTH, 2.6, len(names), 1)
    lengths = sorted(lines[0].gains)
    for axis, name in zip(axes, names, strict=True):
        mine = [line for line in lines if line.task == name]
        for colour, line in zip(COLOURS, mine, strict=False):
            found = list(line.gains.values())
            trained = list(line.gains)
            axis.plot(trained, [one.mean for one in found], "o-", color=colour, label=line.title)
            low, high = [one.low for one in found], [one.high for one in found]
            axis.fill_between(trained, low, high, color=colour, alpha=0.2, lw=0)
        axis.axhline(0, color="0.6", lw=0.8)
        axis.set_xscale("log")
        axis.set_xticks(lengths, [f"{faces:,}" for faces in lengths])
        axis.minorticks_off()
        axis.set_title(_place(name))
        axis.set_xlabel("faces seen in training")
    axes[0].set_ylabel("gain in PSNR-Y, dB")
    figure.tight_layout()
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "ncols": 2}
    figure.legend(*axes[0].get_legend_handles_labels(), **below)
    save_figure(figure, out / "figures" / f"{NAME}.png")
