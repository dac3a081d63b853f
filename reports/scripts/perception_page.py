"""Page on networks that were trained to draw detail, from the results in `perception/`.

    facebench weights fetch alexnet-features && facebench weights fetch vgg16-features
    facebench train LFW --method msrnet-perceptual --out RUN
    facebench evaluate LFW --method msrnet-perceptual --weights RUN --references 5 --limit 400 \
        --metrics lpips_vgg,dists,identity --results reports/perception
    python reports/scripts/perception_page.py [--out reports]

The same for the other methods, for K = 0, for `--reference-list random`, and on another set with
the task of its transfer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.metrics.registry import metric_info
from benchmark.protocol.tasks import task
from benchmark.results.files import read_all
from benchmark.results.paired import Paired, corrected, paired_results
from benchmark.results.result import Result, merge_seeds
from benchmark.results.statistics import p_text
from faceref.files import write_text
from faceref.markdown import markdown_table
from reports.scripts.transfer_page import trainings_text

NAME = "perception"
METRICS = ("psnr_y", "lpips_vgg", "dists", "identity")
ORDER = ("sparnet_s", "msrnet", "sparnet_s-perceptual", "msrnet-perceptual")
HEAD = """# Detail that is drawn

A network trained with an L1 loss averages over what it cannot know, so its faces are smooth. The
variants `perceptual` of SPARNet-s and MSRNet draw detail instead. They have the same budget, but
their loss is L1, LPIPS (AlexNet) and a discriminator. They are judged by metrics that they were not
trained on: LPIPS with VGG-16, DISTS (also with VGG-16) and identity. Identity is the cosine of the
embeddings of output and HR face. The embeddings are dlib's, but on the sample, where dlib chose the
references, those of an ArcFace model. FID needs thousands of faces, so it is left out. `K = 5` are
the five most alike (`refs_lr`), `K = 5 random` five of other people, drawn with a seed.

Scores of several trainings are averaged face by face. Rows of one network with different numbers of
trainings (`2 and 3`) are compared over the trainings that both have, so their difference is not
that of the means above it. Differences are paired by face, with 95 % intervals over people. For
three or more trainings, the standard deviation of the difference in PSNR-Y follows their number, in
dB. p is corrected for all differences of this page (Holm). By
`reports/scripts/perception_page.py`.
"""


def page(results: Sequence[Result]) -> str:
    """The page, in Markdown."""
    merged = merge_seeds(results)
    by_task = {name: _of(merged, name) for name in _tasks(merged)}
    asked = [pair for rows in by_task.values() for pair in _pairs(rows)]
    found = iter(corrected([paired_results(*pair, name) for pair in asked for name in METRICS]))
    parts = [HEAD]
    for name, rows in by_task.items():
        parts.append(f"## {task(name).title}\n\n`{name}`, {rows[0].faces_text} in test.\n")
        parts.append("\n".join(markdown_table(["", "trainings", *_heads()], map(_means, rows))))
        lines = [
            [f"{_title(one)} over {_title(two)}", _trainings(one, two), *_texts(found)]
            for one, two in _pairs(rows)
        ]
        heads = ["difference", "trainings", *_heads()]
        parts.append("\n" + "\n".join(markdown_table(heads, lines)) + "\n")
    return "\n".join(parts)


def _tasks(results: Sequence[Result]) -> list[str]:
    return sorted(
        {row.task for row in results}, key=lambda name: (bool(task(name).trained_on), name)
    )


def _of(results: Sequence[Result], name: str) -> list[Result]:
    """The rows of a task in order."""
    mine = [row for row in results if row.task == name]
    return sorted(mine, key=lambda row: (ORDER.index(row.method), _random(row), row.references))


def _pairs(rows: Sequence[Result]) -> list[tuple[Result, Result]]:
    """What is compared: references with none and with random ones, and MSRNet with SPARNet-s."""
    alone = {row.method: row for row in rows if not row.references}
    random = {row.method: row for row in rows if _random(row)}
    alike = [row for row in rows if not _random(row)]
    rivals = {"msrnet": "sparnet_s", "msrnet-perceptual": "sparnet_s-perceptual"}
    return [
        *((row, alone[row.method]) for row in rows if row.references),
        *((row, random[row.method]) for row in alike if row.references and row.method in random),
        *((row, alone[rivals[row.method]]) for row in alike if row.method in rivals),
    ]


def _random(row: Result) -> bool:
    return row.reference_list == "random"


def _trainings(one: Result, two: Result) -> str:
    """How many of each, with what `trainings_text` says where they are as many."""
    ours, bases = _by_seed(one), _by_seed(two)
    if len(ours) != len(bases):
        return f"{len(ours)} and {len(bases)}"
    return trainings_text(ours, bases)


def _by_seed(row: Result) -> list[Result]:
    return sorted(row.single_seeds, key=lambda each: each.seed or 0)


def _texts(found: Iterator[Paired]) -> list[str]:
    """The next differences, one in each metric."""
    return [
        f"{diff.text(_digits(name))}, {p_text(diff.p)}"
        for name, diff in zip(METRICS, found, strict=False)
    ]


def _heads() -> list[str]:
    known = [metric_info(name) for name in METRICS]
    return [f"{one.heading} {one.arrow}" for one in known]


def _digits(name: str) -> int:
    return metric_info(name).digits


def _means(row: Result) -> list[str]:
    means = (f"{row.means[name]:.{_digits(name)}f}" for name in METRICS)
    return [_title(row), str(len(row.single_seeds)), *means]


def _title(row: Result) -> str:
    kind = " random" if _random(row) else ""
    return f"{row.title}, K = {row.references}{kind}" if row.references else row.title


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    out = parser.parse_args().out
    write_text(out / f"{NAME}.md", page(read_all(out / NAME)))


if __name__ == "__main__":
    main()
