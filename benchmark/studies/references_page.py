"""A reference study as a page: tables and plots, drawn from its JSON file alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.report.style import COLOURS, figure_of, save_figure
from benchmark.results.paired import Paired, over_zero
from benchmark.studies.references import study_references
from benchmark.studies.study import (
    BANDS,
    CHOICES,
    NAMES,
    Cell,
    Patches,
    Study,
    StudyCheckpoint,
    gain,
    read,
    write,
)
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.files import write_text
from faceref.markdown import markdown_table

CHOSEN = {
    "lr": "chosen by the LR face",
    "place": "same place",
    "hr": "chosen by the HR face",
}
"""How pages call `CHOICES`."""
TEXT = (
    "PSNR-Y over bicubic, dB. Each block of 8x8 pixels of the upsampled face gets the high "
    "frequencies of one block of a reference. This block is *chosen by the LR face*, which is all "
    "that is known in use, or *chosen by the HR face*, an oracle. In between, nothing is chosen: "
    "*same place* takes the mean of the references at the same place. The detail is multiplied by "
    "the one number that is best for all faces together. The oracle minus the choice by the LR "
    "face is what choosing loses. Under the oracle, look-alikes minus random faces is what "
    "similarity adds."
)


def patch_section(study: Study, image: str) -> list[str]:
    """The section, in Markdown."""
    columns = [(choice, count) for choice in CHOICES for count in _counts(study)]
    heads = [f"{CHOSEN[choice]}, K = {count}" for choice, count in columns]
    found = {
        (one.kind, one.choice, one.references): _over_bicubic(study, one) for one in study.patches
    }
    rows = [
        [NAMES[kind], *(found[kind, choice, count].text() for choice, count in columns)]
        for kind in _kinds(study)
    ]
    lines = ["", "## What is in the references, without a network", "", TEXT, ""]
    return [*lines, *markdown_table(["references", *heads], rows), "", image]


def _over_bicubic(study: Study, copied: Patches) -> Paired:
    return over_zero(copied.psnr_y, study.persons)


def _counts(study: Study) -> list[int]:
    return sorted({one.references for one in study.patches})


def _kinds(study: Study) -> list[str]:
    return list(dict.fromkeys(one.kind for one in study.patches))


def draw_patches(study: Study, out: Path) -> None:
    """PSNR-Y over bicubic by kind of reference, one panel a choice, at the largest K. PNG, PDF."""
    count = max(_counts(study))
    kinds = _kinds(study)
    figure, axes = figure_of(7, 0.8 + 0.26 * len(kinds), len(CHOICES), sharey=True)
    for panel, choice in zip(axes, CHOICES, strict=True):
        for place, kind in enumerate(kinds):
            (found,) = (
                _over_bicubic(study, one)
                for one in study.patches
                if (one.kind, one.choice, one.references) == (kind, choice, count)
            )
            panel.plot([found.low, found.high], [place, place], color=COLOURS[0])
            panel.plot(found.mean, place, "o", color=COLOURS[0])
        panel.set_title(CHOSEN[choice])
        panel.set_xlabel("PSNR-Y over bicubic, dB")
    axes[0].set_yticks(range(len(kinds)), [NAMES[kind] for kind in kinds])
    axes[0].invert_yaxis()
    save_figure(figure, out)


def counts(study: Study) -> list[int]:
    """The numbers of references that were studied, K = 0 apart."""
    return sorted({cell.references for cell in study.cells if cell.kind == "random"})


def study_training(
    face_ref: FaceRef, run: Path, out: Path, *, progress: Progress | None = None, **options: Any
) -> list[Path]:
    """Study one training (see `study_references` for the options) and write its page below `out`.

    The numbers are written before anything is drawn. Returns the file of the study and its pages.
    """
    checkpoint = StudyCheckpoint(out / "studies")
    found = study_references(face_ref, run, progress=progress, checkpoint=checkpoint, **options)
    file = out / "studies" / f"{found.name}.json"
    write(found, file)
    checkpoint.forget()
    return [file, *write_findings(file, out)]


def write_findings(file: Path, out: Path) -> list[Path]:
    """Write the page and its plots into `out`; returns what was written."""
    study = read(file)
    figures = out / "figures"
    drawn = {"": draw_curve, "-bands": draw_bands}
    if study.patches:
        drawn["-patches"] = draw_patches
    images = [figures / f"{study.name}{end}.png" for end in drawn]
    for image, draw in zip(images, drawn.values(), strict=True):
        draw(study, image)
    page = out / f"{study.name}.md"
    write_text(page, markdown(study, images, out))
    return [page, *images]


def markdown(study: Study, figures: Sequence[Path], out: Path) -> str:
    """The page: what was measured, the ladder, where the gain is."""
    most = max(counts(study))
    of = "people" if study.people else "faces"
    images = [f"![{path.stem}]({path.relative_to(out).as_posix()})" for path in figures]
    lines = [
        f"# References of {study.title}: which kind, and how many",
        "",
        f"`{study.task}`, budget `{study.budget}`, seed {study.seed}, {study.images:,} faces of "
        f"{study.split} whose person has another image there; Face_Ref "
        f"`{study.data_revision[:12]}`, weights `{study.weights_sha256[:12]}`. One training; only "
        "the references differ. A person with fewer images than K has them repeated.",
        "",
        f"## PSNR-Y over K = 0, dB, paired, with 95 % bootstrap interval over {of}",
        "",
        *_ladder(study),
        "",
        images[0],
        "",
        "## Where the error changes",
        "",
        "Change of the mean squared error of Y from K = 0, in percent. Negative is better. "
        f"All kinds are at K = {most}, the target itself at K = 1. Frequencies are in cycles per "
        "face width; the 16x16 face holds those below 8.",
        "",
        *_changes(study, most),
        "",
        images[1],
        *(patch_section(study, images[2]) if study.patches else ()),
    ]
    return "\n".join(lines) + "\n"


def _ladder(study: Study) -> list[str]:
    base = study.cell("none", 0)
    columns = counts(study)
    rows = [
        [NAMES[kind], *(gain(study, study.cell(kind, count)).text() for count in columns)]
        for kind in study.kinds[:-1]
    ]
    target = gain(study, study.cell("target", 1)).text()
    rows.append([NAMES["target"], target, *["-"] * (len(columns) - 1)])
    table = markdown_table(["references", *(f"K = {count}" for count in columns)], rows)
    return [f"K = 0: {np.mean(base.psnr_y):.3f} dB.", "", *table]


def _last(study: Study, most: int) -> list[Cell]:
    return [study.cell(kind, most) for kind in study.kinds[:-1]] + [study.cell("target", 1)]


def _changes(study: Study, most: int) -> list[str]:
    base = study.cell("none", 0)
    before = [*base.bands, *base.regions.values()]
    rows = []
    for cell in _last(study, most):
        found = [*cell.bands, *cell.regions.values()]
        changes = [_percent(new, old) for new, old in zip(found, before, strict=True)]
        rows.append([NAMES[cell.kind], *changes])
    bands = [f"{low}-{high} cycles" for low, high in BANDS]
    return markdown_table(["references", *bands, *base.regions], rows)


def _percent(new: float, old: float) -> str:
    return f"{100 * (new / old - 1):+.1f}" if old else "-"


def draw_curve(study: Study, out: Path) -> None:
    """Gain over K = 0 against K, one line a kind of other or same people, as PNG."""
    figure, axes = figure_of(6, 3.6)
    for kind in study.kinds[:-1]:
        found = [gain(study, study.cell(kind, count)) for count in counts(study)]
        _line(axes, [0, *counts(study)], found, NAMES[kind])
    axes.axhline(0, color="gray", lw=0.8)
    axes.set_xlabel("references, K")
    axes.set_ylabel("PSNR-Y over K = 0, dB")
    target = gain(study, study.cell("target", 1)).mean
    axes.set_title(f"{study.title}; the target itself: {target:+.1f} dB", fontsize=9, loc="left")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    save_figure(figure, out)


def _line(axes: Any, at: Sequence[int], found: Sequence[Paired], name: str) -> None:
    """Gains at the numbers `at`, the first of which is K = 0."""
    middle, low, high = (
        [0.0, *(getattr(one, end) for one in found)] for end in ("mean", "low", "high")
    )
    axes.plot(at, middle, marker="o", ms=3, label=name)
    axes.fill_between(at, low, high, alpha=0.2)


def draw_bands(study: Study, out: Path) -> None:
    """Change of the squared error in each band of spatial frequency, one bar a kind, as PNG."""
    figure, axes = figure_of(6, 3.2)
    base, cells = study.cell("none", 0), _last(study, max(counts(study)))[:-1]
    width = 0.8 / len(cells)
    for place, cell in enumerate(cells):
        change = [100 * (new / old - 1) for new, old in zip(cell.bands, base.bands, strict=True)]
        at = np.arange(len(BANDS)) + (place - (len(cells) - 1) / 2) * width
        axes.bar(at, change, width, label=NAMES[cell.kind])
    axes.axhline(0, color="gray", lw=0.8)
    axes.set_xticks(range(len(BANDS)), [f"{low}-{high}" for low, high in BANDS])
    axes.set_xlabel("spatial frequency, cycles a face width")
    axes.set_ylabel("squared error against K = 0, %")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    save_figure(figure, out)
