"""Page and figure of `transfer.json` and the results that it names.

python reports/scripts/transfer_page.py [--out reports]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.tasks import task
from benchmark.report.style import COLOURS, FULL_WIDTH, figure_of, save_figure
from benchmark.results.files import read
from benchmark.results.paired import Paired, corrected, paired
from benchmark.results.result import Result
from benchmark.results.statistics import p_text
from faceref.files import write_text
from faceref.markdown import markdown_table
from reports.scripts.ablations_page import ablations_part
from reports.scripts.likeness_page import draw_likeness, likeness_page, numbers
from reports.scripts.training_length_page import BASE, draw_length, length_part
from reports.scripts.unseen_pool_page import unseen_part

NAME = "transfer"
HEAD = """# What the pool of a target brings

Networks trained on faces of one kind are tested on faces of another kind. The pool is the train
split of the data that is tested. In the table "In the training domain", networks are tested on the
kind of faces that they were trained on, and the pool is the set that they were trained on.

- **Error memory**: the weights of the network stay as they are. A regression, solved in closed
  form, learns from the network's errors on faces of the pool which errors to expect
  (`facebench adapt`).
- **Tuned**: training of all weights goes on with the pool. 30 steps on the sample and 375 on
  CelebA in the wild are as many as fit into the time of the error memory, by the time of a few
  steps of the same run; other programs ran, so they took longer in the end. The peak of the
  learning rate was chosen on val. 300 and 3,750 steps are ten times as many, at the same peak.
- **References from the training set**: the network is given the most alike faces of the set that
  it was trained on, in place of those of the pool.
- **MSRNet, no error** and the like are its ablations:
  [what each leaves out](../baselines/msrnet/__init__.py).

A gain compares a row with the same trainings of the network as trained, without references (K = 0)
where that was scored. So the gain of a row with references and an error memory comes from both.
Gains are means over the faces of test, paired face by face. Brackets are 95 % intervals over
people: faces of one person are alike, so they are drawn together. The sample and CelebA in the wild
have few people in test, so their intervals are wide. Intervals do not say what another training
would change.

Where a network was trained several times, scores are first averaged over the trainings, face by
face. The standard deviation of the gain over trainings follows their number, in brackets. p is
corrected (Holm) for all tables by task together, and in each later table for the rows of that
table. LPIPS (AlexNet): lower is better. Seconds are those of the whole adaptation, on one thread of
a CPU that had other work, so they are rough. By `reports/scripts/transfer.py`; numbers in
`transfer.json` and the result files.

![Gain by the number of faces of the pool](figures/transfer.png)

Bands are intervals. Triangles: fine-tuned, with the number of steps.
"""
HELEN = """## The Helen faces of FSRNet's test set

Many papers report results on these 50 faces. Here the pool is {pool:,} faces of CelebA in the wild.
Helen's faces are cropped differently from the pool's, but the error memory holds a correction for
each place in an aligned face. So the faces are scored twice: as they are cut in Helen, and brought
to the frame of the pool, as `upscale` does. Gains are over the same network as trained, one
training each; the faces are of different people. Networks were trained on LFW, unless the row says
otherwise. By `reports/scripts/helen.py`; numbers in `helen.json`.
"""


@dataclass(frozen=True)
class Row:
    """A way to use the pool, over the trainings of a network."""

    task: str
    network: str
    """Method, and the references that it was given."""
    way: str
    title: str
    results: list[Result]
    bases: list[Result]
    val: list[float]
    """PSNR-Y on val of each training, dB."""
    bases_val: list[float]
    """The same of the bases."""
    seconds: float | None

    @property
    def faces(self) -> int:
        """Of the pool that were used; 0 for none."""
        adapted = self.results[0].adaptation
        return adapted["faces"] if adapted else 0

    @property
    def compared(self) -> bool:
        """Whether there is something to compare it with."""
        return self.results is not self.bases

    @property
    def trainings(self) -> str:
        """How many, and the standard deviation of their gains in dB where they are three."""
        if not self.compared:
            return str(len(self.results))
        return trainings_text(self.results, self.bases)

    def gain(self, metric: str) -> Paired:
        """Over the network as trained, without references (K = 0) where that was scored."""
        ours, base = (_mean(rows, metric) for rows in (self.results, self.bases))
        return paired(ours, base, self.results[0].people)


def _mean(rows: Iterable[Result], metric: str) -> np.ndarray:
    return np.mean([np.array(row.scores[metric], np.float64) for row in rows], 0)


def trainings_text(ours: Sequence[Result], bases: Sequence[Result]) -> str:
    """How many there are; of three or more the standard deviation of their gains in dB, too."""
    if len(ours) < 3:
        return str(len(ours))
    pairs = zip(ours, bases, strict=True)
    gains = [own.means["psnr_y"] - base.means["psnr_y"] for own, base in pairs]
    return f"{len(gains)} (±{np.std(gains, ddof=1):.2f})"


def rows_of(out: Path) -> list[Row]:
    """All rows, by task and network."""
    known = numbers(out, NAME)
    found = []
    for name, networks in known.items():
        for network in dict.fromkeys(_plain(key) for key in networks):
            trained = [ways for key, ways in networks.items() if _plain(key) == network]
            for way in dict.fromkeys(way for ways in trained for way in ways):
                found.append(_row(out, name, network, way, [w for w in trained if way in w]))
    return [_over_none(row, found) for row in found]


def _over_none(row: Row, rows: list[Row]) -> Row:
    """A network with references is compared with itself without, where that is there."""
    alone = f"{row.network.rpartition('-k')[0]}-k0"
    if row.network == alone:
        return row
    for other in rows:
        if (other.task, other.network, other.way) == (row.task, alone, BASE):
            pairs = zip(other.results, other.val, strict=True)
            known = {_weights(one): (one, val) for one, val in pairs}
            bases, val = zip(*(known[_weights(one)] for one in row.results), strict=True)
            return replace(row, bases=list(bases), bases_val=list(val))
    return row


def _weights(result: Result) -> str:
    """SHA-256 of the trained weights: which training a result is of."""
    return (result.training or {})["weights_sha256"]


def _plain(key: str) -> str:
    """The key of a network without its seed: `msrnet-s1-k5` is of `msrnet-k5`."""
    parts = [part for part in key.split("-") if not (part[0] == "s" and part[1:].isdigit())]
    return "-".join(parts)


def _row(out: Path, name: str, network: str, way: str, trained: list[dict[str, Any]]) -> Row:
    results, bases = ([read(out / ways[one]["result"]) for ways in trained] for one in (way, BASE))
    val, bases_val = ([ways[one]["val"]["psnr_y"] for ways in trained] for one in (way, BASE))
    if way == BASE:
        bases = results
    spent = [ways[way]["adaptation"]["seconds"] for ways in trained if "adaptation" in ways[way]]
    seconds = float(np.mean(spent)) if spent else None
    title = bases[0].title
    if network.rpartition("-k")[2].isdigit():
        title += f", K = {bases[0].references}"
    return Row(name, network, way, title, results, bases, val, bases_val, seconds)


def page(rows: list[Row]) -> str:
    """The page, in Markdown."""
    adapted = [row for row in rows if row.compared]
    gains = dict(
        zip(map(id, adapted), corrected([row.gain("psnr_y") for row in adapted]), strict=True)
    )
    parts = [HEAD]
    for name in dict.fromkeys(row.task for row in rows):
        mine = [row for row in rows if row.task == name]
        first = mine[0].results[0]
        title = ("" if task(name).trained_on else "In the training domain: ") + task(name).title
        parts.append(f"## {title}\n\n`{name}`, {first.faces_text} in test.\n")
        columns = [
            "",
            "trainings",
            "PSNR-Y",
            "gain, dB",
            "",
            "LPIPS, gain",
            "gain on val",
            "seconds",
        ]
        parts.append(
            "\n".join(markdown_table(columns, [_cells(row, gains) for row in mine])) + "\n"
        )
    return "\n".join(parts)


def helen_page(known: dict[str, Any]) -> str:
    """The part on Helen, in Markdown."""
    rows, base = known["rows"], {}
    for row in rows:
        if row["way"] == BASE:
            base[row["faces"], row["network"]] = row
    compared = [row for row in rows if row["way"] != BASE]
    found = corrected(
        [paired(row["psnr_y"], base[row["faces"], row["network"]]["psnr_y"]) for row in compared]
    )
    gains = dict(zip(map(id, compared), found, strict=True))
    lines = []
    for row in rows:
        gain = gains.get(id(row))
        texts = ["", ""] if gain is None else [gain.text(2), p_text(gain.p)]
        psnr = f"{np.mean(row['psnr_y']):.2f}"
        lines.append([row["faces"], f"{row['network']}, {_named(row['way'])}", psnr, *texts])
    columns = ["faces", "", "PSNR-Y", "gain, dB", ""]
    return (
        HELEN.format(pool=known["pool"]) + "\n" + "\n".join(markdown_table(columns, lines)) + "\n"
    )


def _cells(row: Row, gains: dict[int, Paired]) -> list[str]:
    psnr = f"{_mean(row.results, 'psnr_y').mean():.2f}"
    name = f"**{row.title}**" if row.way == BASE else f"{row.title}, {_words(row)}"
    if not row.compared:
        return [name, str(len(row.results)), psnr, "", "", "", "", ""]
    found = gains[id(row)]
    return [
        name,
        row.trainings,
        psnr,
        found.text(2),
        p_text(found.p),
        row.gain("lpips_alex").text(3),
        f"{np.mean(row.val) - np.mean(row.bases_val):+.2f}",
        "" if row.seconds is None else f"{row.seconds:.0f}",
    ]


def _words(row: Row) -> str:
    adapted = row.results[0].adaptation
    if adapted is None:
        return row.way
    if adapted["by"] == "memory":
        return _named("memory" if adapted["whole"] else f"memory of {adapted['faces']:,} faces")
    return row.way


def _named(way: str) -> str:
    """A way as pages write it."""
    return f"error {way}" if way.startswith("memory") else way


def draw(rows: list[Row], out: Path) -> None:
    """Gain by the number of faces, a panel a task in another domain."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    names = list(dict.fromkeys(row.task for row in rows if task(row.task).trained_on))
    networks = list(dict.fromkeys(row.network for row in rows))
    lines = -(-len(names) // 2)
    figure, axes = figure_of(FULL_WIDTH, 2.6 * lines, 2, lines)
    panels = np.atleast_2d(axes)
    for axis, name in zip(panels.ravel(), names, strict=False):
        for colour, network in zip(COLOURS, networks, strict=False):
            mine = [row for row in rows if (row.task, row.network) == (name, network)]
            memory = sorted((row for row in mine if "memory" in row.way), key=lambda row: row.faces)
            if not memory:
                continue
            found = [row.gain("psnr_y") for row in memory]
            x = [row.faces for row in memory]
            label = memory[0].title
            axis.plot(x, [one.mean for one in found], "o-", color=colour, label=label)
            low, high = [one.low for one in found], [one.high for one in found]
            axis.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
            for row in mine:
                adapted = row.results[0].adaptation
                if adapted and adapted["by"] == "tuning":
                    place = row.faces, row.gain("psnr_y").mean
                    axis.plot(*place, "^", color=colour, mfc="none")
                    steps = str(adapted["steps"])
                    axis.annotate(steps, place, (5, -3), textcoords="offset points", fontsize=6)
        axis.axhline(0, color="0.6", lw=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(task(name).title.split(",")[0])
        axis.set_xlabel("faces of the pool")
    for axis in panels[:, 0]:
        axis.set_ylabel("gain in PSNR-Y, dB")
    panels[0, 0].legend()
    figure.tight_layout()
    save_figure(figure, out / "figures" / f"{NAME}.png")


def whole(out: Path, rows: list[Row]) -> str:
    """The whole page, in Markdown."""
    helen = helen_page(numbers(out, "helen"))
    parts = [ablations_part(out), length_part(out), unseen_part(out), helen, likeness_page(out)]
    return "\n".join([page(rows), *parts])


def main() -> None:
    """Write page and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    out = parser.parse_args().out
    rows = rows_of(out)
    write_text(out / f"{NAME}.md", whole(out, rows))
    draw(rows, out)
    draw_length(out)
    draw_likeness(out)


if __name__ == "__main__":
    main()
