"""The part of a study's page that no network has a part in: detail copied from references."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.figure_style import figure_of, save_figure
from benchmark.study_file import CHOICES, NAMES, Patches, Study
from benchmark.uncertainty import bootstrap, with_interval

CHOSEN = {
    "small": "chosen by the small face",
    "place": "same place",
    "sharp": "chosen by the sharp face",
}
"""How pages call `CHOICES`."""
TEXT = (
    "PSNR-Y over bicubic, dB, where each block of 8x8 pixels gets the high frequencies of a block "
    "of a reference: *chosen by the small face*, which is all that is known; at the *same place*, "
    "the mean of the references, nothing chosen; *chosen by the sharp face*, an oracle. The "
    "detail is scaled by the one number, for all faces, that is best. From the first to the last "
    "is what choosing loses; from random faces to look-alikes, under the oracle, what likeness "
    "adds."
)


def patch_section(study: Study, picture: str) -> list[str]:
    """The section, in Markdown."""
    columns = [(choice, count) for choice in CHOICES for count in _counts(study)]
    heads = [f"{CHOSEN[choice]}, K = {count}" for choice, count in columns]
    lines = ["", "## What lies in the references, without a network", "", TEXT, ""]
    lines.append("| references | " + " | ".join(heads) + " |")
    lines.append("| --- |" + " ---: |" * len(heads))
    found = {(one.kind, one.choice, one.references): one for one in study.patches}
    for kind in _kinds(study):
        cells = [_cell(found[kind, choice, count]) for choice, count in columns]
        lines.append(f"| {NAMES[kind]} | " + " | ".join(cells) + " |")
    return [*lines, "", picture]


def _counts(study: Study) -> list[int]:
    return sorted({one.references for one in study.patches})


def _kinds(study: Study) -> list[str]:
    return list(dict.fromkeys(one.kind for one in study.patches))


def _cell(one: Patches) -> str:
    low, high = bootstrap(one.psnr_y)
    return with_interval(float(np.mean(one.psnr_y)), low, high)


def draw_patches(study: Study, out: Path) -> None:
    """PSNR-Y over bicubic by kind of reference, one panel a choice, at the largest K. PNG, PDF."""
    count = max(_counts(study))
    kinds = _kinds(study)
    figure, axes = figure_of(7, 0.8 + 0.26 * len(kinds), len(CHOICES), sharey=True)
    for panel, choice in zip(axes, CHOICES, strict=True):
        for place, kind in enumerate(kinds):
            (scores,) = (
                one.psnr_y
                for one in study.patches
                if (one.kind, one.choice, one.references) == (kind, choice, count)
            )
            low, high = bootstrap(scores)
            panel.plot([low, high], [place, place], color="#0072b2")
            panel.plot(np.mean(scores), place, "o", color="#0072b2")
        panel.set_title(CHOSEN[choice])
        panel.set_xlabel("PSNR-Y over bicubic, dB")
    axes[0].set_yticks(range(len(kinds)), [NAMES[kind] for kind in kinds])
    axes[0].invert_yaxis()
    save_figure(figure, out)
