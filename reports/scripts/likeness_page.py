"""The part of the page on transfer about likeness: which references are worth something.

Of `likeness.json`, and of results whose references are chosen in other ways than by appearance:
`lists/`CHOICE/, as of `facebench evaluate`. `transfer_page.py` puts it into its page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.tasks import task
from benchmark.report.style import COLOURS, FULL_WIDTH, figure_of, save_figure
from benchmark.results.files import read, read_all
from benchmark.results.paired import Paired, corrected, over_zero, paired
from benchmark.results.result import Result, run_name
from benchmark.results.statistics import p_text
from faceref.markdown import markdown_table

KINDS = ("alike", "random")
RESULTS, ALIKE = "results", "lists/alike"
"""Where results lie; those of some faces alone, which are on no leaderboard, in the second."""
PLACES = {"lfw": "LFW", "sample": "the sample", "wild": "CelebA in the wild"}
WORDS = {"alike": "most alike", "random": "random"}
LISTS = {"both": "encoder and appearance", "identity": "encoder"}
LIKENESS = """## Do look-alikes count more?

The mean error of the network on K faces of the pool is added to its output, times a strength that
is chosen on val. The K faces are either those most similar to the LR face, by correlation, or
random ones. This is the simplest way to carry errors over from one face to another. It shows which
faces are useful, and is not meant to compete with the error memory. By
`reports/scripts/likeness.py`; numbers in `likeness.json`.

![Gain of look-alikes and of random faces](figures/likeness.png)
"""
GIVEN = """### As references of MSRNet

MSRNet is given the K most alike faces (`refs_lr`), or K random ones of other people
(`facebench evaluate --reference-list random`). Gains are over the same training without references.
Results with random faces are in `lists/random/`, and those of the most alike that are on no
leaderboard in `lists/alike/`.
"""
LISTS_LR = {"appearance": "appearance", **LISTS}
LISTS_HEAD = """## Lists by another likeness

`refs_lr` by appearance holds faces whose 16x16 pixels are alike. An encoder that guesses the
identity from these pixels finds people who are more alike ([how well](lr_retrieval.md)). The sample
was built with each kind of list (`--likeness-lr`), and MSRNet was scored with each. The column
`by appearance` is its PSNR-Y with the list by appearance, and `PSNR-Y` is that with the other list.
Results are in `lists/`.
"""
BY_APPEARANCE = "`refs_lr` by appearance"
AGREEMENT = """### Sex and age group

The column `agree` is the share of a face's eight references that have the same sex as the face, or
are in the same age group (younger than {years} years or not). The generator of the sample drew
both, so they are known. `random faces` is the same share among random faces of train. Means and
intervals are over people. In train, on which the encoder was trained, there are {train[0]} faces of
{train[1]} people; in test there are {test[0]} faces of {test[1]} people. p is corrected (Holm),
intervals are not. By `reports/scripts/agreement.py`. `faceref inspect --attributes` prints the
shares of any set, and `reports/scripts/sample/attributes.py` writes the sample's table of sex and
age.
"""


def likeness_page(out: Path) -> str:
    """The whole part, in Markdown."""
    parts = mean_errors_part(out), given_part(out), lists_part(out), agreement_part(out)
    return "\n".join(parts)


def numbers(out: Path, name: str = "likeness") -> dict[str, Any]:
    """The numbers of `name`.json."""
    return json.loads((out / f"{name}.json").read_text(encoding="utf-8"))


def mean_errors_part(out: Path) -> str:
    """What the mean error on each kind of face is worth, in Markdown."""
    parts = [LIKENESS]
    for name, one in numbers(out).items():
        people = _people(out, one["data_revision"])
        counts = sorted({row["count"] for row in one["rows"]})
        pairs = [[mean_error_gains(one, kind, count) for kind in KINDS] for count in counts]
        over = corrected([paired(one, other, people) for one, other in pairs])
        parts.append(f"{one['network']} on {_place(name, one)}, pool of {one['pool']:,} faces:\n")
        columns = ["K", "most alike, dB", "random, dB", "most alike over random", ""]
        digits = 3 if one["home"] else 2
        lines = [
            [str(count)]
            + [over_zero(gain, people).text(digits) for gain in pair]
            + [diff.text(digits), p_text(diff.p)]
            for count, pair, diff in zip(counts, pairs, over, strict=True)
        ]
        parts.append("\n".join(markdown_table(columns, lines)) + "\n")
    return "\n".join(parts)


def _place(name: str, one: dict[str, Any]) -> str:
    """The set that is tested."""
    return PLACES[name] + (", the training domain" if one["home"] else "")


def _people(out: Path, data_revision: str) -> np.ndarray:
    """A number for the person of each test face of a set, in the order of its rows."""
    every = map(read, sorted((out / "results").glob("*/bicubic/untrained.json")))
    return next(one.people for one in every if one.data_revision == data_revision)


def mean_error_gains(one: dict[str, Any], kind: str, count: int) -> np.ndarray:
    """Gain of each face by the mean error, dB."""
    rows = (row for row in one["rows"] if (row["kind"], row["count"]) == (kind, count))
    return np.array(next(rows)["gain"])


@dataclass(frozen=True)
class Given:
    """A network that was given the most alike faces, random ones, and none; PSNR-Y by face, dB."""

    task: str
    data_revision: str
    count: int
    trainings: int
    people: np.ndarray
    """A number for each face's person."""
    none: np.ndarray
    alike: np.ndarray
    random: np.ndarray

    def gain(self, kind: str) -> Paired:
        """Of one of `KINDS` over no reference."""
        return paired(getattr(self, kind), self.none, self.people)

    @property
    def alike_over_random(self) -> Paired:
        """Of the most alike faces over random ones."""
        return paired(self.alike, self.random, self.people)


def all_given(out: Path) -> list[Given]:
    """Every network, task and number of references with random faces; other domains first."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in read_all(out / "lists" / "random"):
        groups.setdefault((result.task, result.references), []).append(result)
    found = []
    for (name, count), random in groups.items():
        none = [_beside(out, result, 0) for result in random]
        alike = [_beside(out, result, count) for result in random]
        psnrs = [np.mean(one, 0) for one in (none, alike, [psnr(result) for result in random])]
        revision, trainings, people = random[0].data_revision, len(random), random[0].people
        found.append(Given(name, revision, count, trainings, people, *psnrs))
    return sorted(found, key=lambda one: (not task(one.task).trained_on, one.task, one.count))


def given_part(out: Path) -> str:
    """What references of each kind give MSRNet, in Markdown."""
    found = all_given(out)
    over = corrected([one.alike_over_random for one in found])
    lines = []
    for one, diff in zip(found, over, strict=True):
        name = task(one.task).title.rpartition(",")[0]
        cells = name, f"{len(one.none):,}", str(one.count), str(one.trainings)
        gains = [one.gain(kind).text(3) for kind in KINDS]
        lines.append([*cells, *gains, diff.text(3), p_text(diff.p)])
    columns = [
        "",
        "faces",
        "K",
        "trainings",
        "most alike, dB",
        "random, dB",
        "alike over random",
        "",
    ]
    return GIVEN + "\n" + "\n".join(markdown_table(columns, lines)) + "\n"


def lists_part(out: Path) -> str:
    """What lists by another likeness give, in Markdown."""
    groups: dict[tuple[int, str], list[Result]] = {}
    for kind in LISTS:
        for result in read_all(out / "lists" / kind):
            groups.setdefault((result.references, kind), []).append(result)
    keys = sorted(groups)
    ours = [np.mean([psnr(result) for result in groups[key]], 0) for key in keys]
    usual = [np.mean([_beside(out, result, key[0]) for result in groups[key]], 0) for key in keys]
    people = [groups[key][0].people for key in keys]
    over = corrected([paired(*three) for three in zip(ours, usual, people, strict=True)])
    lines = []
    for (count, kind), own, base, diff in zip(keys, ours, usual, over, strict=True):
        cells = str(len(groups[count, kind])), f"{base.mean():.2f}", f"{own.mean():.2f}"
        lines.append([str(count), LISTS[kind], *cells, diff.text(2), p_text(diff.p)])
    columns = ["K", "list by", "trainings", "by appearance", "PSNR-Y", "difference, dB", ""]
    return LISTS_HEAD + "\n" + "\n".join(markdown_table(columns, lines)) + "\n"


@dataclass(frozen=True)
class Agreeing:
    """Of each person the share of references that agree, by one list and by appearance."""

    split: str
    attribute: str
    references: str
    shares: np.ndarray
    appearance: np.ndarray
    random: np.ndarray


def all_agreeing(sets: Sequence[dict[str, Any]]) -> list[Agreeing]:
    """Every split, attribute and list of the sets in `agreement.json`."""
    found = []
    for split, usual in sets[0]["splits"].items():
        for attribute, shares in usual["shares"].items():
            names = {
                f"`refs_lr` by {LISTS_LR[one['likeness']['refs_lr']]}": one["splits"][split][
                    "shares"
                ][attribute]["refs_lr"]
                for one in sets
            }
            names["`refs_hr` by identity"] = shares["refs_hr"]
            base, random = np.array(shares["refs_lr"]), np.array(shares["random"])
            found += [
                Agreeing(split, attribute, name, np.array(one), base, random)
                for name, one in names.items()
            ]
    return found


def agreement_part(out: Path) -> str:
    """How often references are of the same sex and age group, in Markdown."""
    known = numbers(out, "agreement")
    found = all_agreeing(known["sets"])
    others = [one for one in found if one.references != BY_APPEARANCE]
    over = corrected([paired(one.shares, one.appearance) for one in others])
    texts = {
        id(one): [diff.text(2), p_text(diff.p)] for one, diff in zip(others, over, strict=True)
    }
    lines = []
    for one in found:
        cells = one.split, one.attribute, one.references, f"{one.random.mean():.2f}"
        lines.append([*cells, f"{one.shares.mean():.2f}", *texts.get(id(one), ["", ""])])
    heads = ["split", "", "references", "random faces", "agree", "over appearance", ""]
    splits = known["sets"][0]["splits"]
    counts = {split: (one["faces"], len(one["people"])) for split, one in splits.items()}
    head = AGREEMENT.format(years=known["older_from_years"], **counts)
    return head + "\n" + "\n".join(markdown_table(heads, lines)) + "\n"


def _beside(out: Path, result: Result, references: int) -> np.ndarray:
    """PSNR-Y of the same training on the same faces, dB: `references` by appearance, or none."""
    reference_list = "refs_lr" if references else None
    name = run_name(result.budget, references, reference_list, True, result.seed)
    places = [
        out / folder / result.task / result.method / f"{name}.json" for folder in (RESULTS, ALIKE)
    ]
    found = read(next((path for path in places if path.exists()), places[0]))
    weights = [one.training and one.training["weights_sha256"] for one in (found, result)]
    assert weights[0] == weights[1]
    by_id = dict(zip(found.image_ids, found.scores["psnr_y"], strict=True))
    return np.array([by_id[image_id] for image_id in result.image_ids], np.float64)


def psnr(result: Result) -> np.ndarray:
    """PSNR-Y of each face, dB."""
    return np.array(result.scores["psnr_y"], np.float64)


def draw_likeness(out: Path) -> None:
    """Gain by the number of references: by the mean error, and as references of MSRNet."""
    known, given = numbers(out), all_given(out)
    figure, axes = figure_of(FULL_WIDTH, 5.0, len(known), 2)
    for column, (name, one) in enumerate(known.items()):
        people = _people(out, one["data_revision"])
        counts = sorted({row["count"] for row in one["rows"]})
        means = {
            kind: [over_zero(mean_error_gains(one, kind, count), people) for count in counts]
            for kind in KINDS
        }
        _draw_gains(axes[0, column], _place(name, one), counts, counts, means)
        mine = [row for row in given if row.data_revision == one["data_revision"]]
        gains = {kind: [row.gain(kind) for row in mine] for kind in KINDS}
        _draw_gains(axes[1, column], "", counts, [row.count for row in mine], gains)
        axes[1, column].set_xlim(axes[0, column].get_xlim())
        axes[1, column].set_xlabel("references, K")
    for axis, way in zip(axes[:, 0], ("by the mean error", "of MSRNet"), strict=True):
        axis.set_ylabel(f"PSNR-Y gain {way}, dB")
    axes[0, 0].legend()
    figure.tight_layout()
    save_figure(figure, out / "figures" / "likeness.png")


def _draw_gains(
    axis: Any, title: str, ticks: list[int], counts: list[int], gains: dict[str, list[Paired]]
) -> None:
    """One panel: a line a kind, with intervals."""
    for colour, aside, (kind, found) in zip(COLOURS, (0.93, 1.07), gains.items(), strict=False):
        means = np.array([gain.mean for gain in found])
        low, high = ([getattr(gain, end) for gain in found] for end in ("low", "high"))
        if len(found) > 1:
            axis.plot(counts, means, "o-", color=colour, label=WORDS[kind])
            axis.fill_between(counts, low, high, color=colour, alpha=0.2, lw=0)
        else:
            axis.errorbar(
                [aside * counts[0]], means, [means - low, high - means], fmt="o", c=colour
            )
    axis.axhline(0, color="0.6", lw=0.8)
    axis.set_xscale("log")
    axis.set_xticks(ticks, [str(count) for count in ticks])
    axis.minorticks_off()
    axis.set_title(title)
