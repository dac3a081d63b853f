"""Page on networks that were trained to draw detail, from the results in `perception/`.

    facebench weights fetch alexnet-features && facebench weights fetch vgg16-features
    facebench train LFW --method msrnet-perceptual --out RUN
    facebench evaluate LFW --method msrnet-perceptual --weights RUN --references 5 --limit 400 \
        --metrics lpips_vgg,dists,identity --results reports/perception
    python reports/scripts/perception_page.py [--out reports]

The same for the other methods, for K = 0, and on another set with the task of its transfer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.metrics.registry import metric_info
from benchmark.protocol.tasks import task
from benchmark.results.files import read_all
from benchmark.results.paired import Paired, corrected, paired
from benchmark.results.result import Result
from benchmark.results.statistics import p_text
from faceref.files import write_text
from faceref.markdown import markdown_table

NAME = "perception"
METRICS = ("psnr_y", "lpips_vgg", "dists", "identity")
ORDER = ("sparnet_s", "msrnet", "sparnet_s-perceptual", "msrnet-perceptual")
HEAD = """# Detail that is drawn

A network that is trained on L1 averages what it does not know, and its faces are smooth. The
variants `perceptual` of SPARNet-s and MSRNet are trained with the same budget on L1, LPIPS
(AlexNet) and a discriminator: they draw detail. They are judged by metrics that they were not
trained on: LPIPS with VGG-16, DISTS (VGG-16 as well), and identity, the cosine of the embeddings
of output and HR face, by dlib on LFW and by an ArcFace model on the sample, whose references dlib
chose. FID needs thousands of faces, and is not there. One training
each; numbers are means over faces, differences are paired face by face with 95 % intervals, and p
is corrected for all differences of this page (Holm). By `reports/scripts/perception_page.py`.
"""


def page(results: Sequence[Result]) -> str:
    """The page, in Markdown."""
    asked = [pair for name in _tasks(results) for pair in _pairs(_of(results, name))]
    found = [paired(_scores(one, name), _scores(two, name)) for one, two, name in asked]
    known = dict(zip([(id(a), id(b), name) for a, b, name in asked], corrected(found), strict=True))
    parts = [HEAD]
    for name in _tasks(results):
        mine = _of(results, name)
        parts.append(f"## {task(name).title}\n\n`{name}`, {mine[0].images} faces of test.\n")
        parts.append("\n".join(markdown_table(["", *_heads()], [_means(row) for row in mine])))
        lines = _differences(mine, known)
        parts.append("\n" + "\n".join(markdown_table(["difference", *_heads()], lines)) + "\n")
    return "\n".join(parts)


def _tasks(results: Sequence[Result]) -> list[str]:
    return sorted(
        {row.task for row in results}, key=lambda name: (bool(task(name).trained_on), name)
    )


def _of(results: Sequence[Result], name: str) -> list[Result]:
    """The rows of a task in order: as trained, then with the memory of a pool."""
    mine = [row for row in results if row.task == name]

    def place(row: Result) -> tuple[int, bool, int]:
        method = row.method.partition("+")[0]
        return ORDER.index(method), row.adaptation is not None, row.references

    return sorted(mine, key=place)


def _pairs(rows: Sequence[Result]) -> list[tuple[Result, Result, str]]:
    """What is compared: a method with more against the same with less, in every metric."""
    by_method: dict[str, list[Result]] = {}
    for row in rows:
        by_method.setdefault(row.method.partition("+")[0], []).append(row)
    with_more = [(row, alike[0]) for alike in by_method.values() for row in alike[1:]]
    first = {name: alike[0] for name, alike in by_method.items()}
    others = [("msrnet", "sparnet_s"), ("msrnet-perceptual", "sparnet_s-perceptual")]
    between = [(first[one], first[two]) for one, two in others if {one, two} <= first.keys()]
    return [(one, two, name) for one, two in with_more + between for name in METRICS]


def _differences(
    rows: Sequence[Result], known: dict[tuple[int, int, str], Paired]
) -> list[list[str]]:
    lines = []
    pairs = {(id(one), id(two)): (one, two) for one, two, _ in _pairs(rows)}
    for one, two in pairs.values():
        found = [known[id(one), id(two), name] for name in METRICS]
        texts = [
            f"{diff.text(_digits(name))}, {p_text(diff.p)}"
            for diff, name in zip(found, METRICS, strict=True)
        ]
        lines.append([f"{_title(one)} over {_title(two)}", *texts])
    return lines


def _heads() -> list[str]:
    known = [metric_info(name) for name in METRICS]
    return [f"{one.heading} {one.arrow}" for one in known]


def _digits(name: str) -> int:
    return metric_info(name).digits


def _means(row: Result) -> list[str]:
    return [_title(row), *(f"{row.means[name]:.{_digits(name)}f}" for name in METRICS)]


def _title(row: Result) -> str:
    return (
        row.title if row.adaptation or not row.references else f"{row.title}, K = {row.references}"
    )


def _scores(row: Result, name: str) -> np.ndarray:
    return np.array(row.scores[name], np.float64)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    out = parser.parse_args().out
    write_text(out / f"{NAME}.md", page(read_all(out / NAME)))


if __name__ == "__main__":
    main()
