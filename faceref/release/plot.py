"""The one image of a release: scores of references and the thresholds, drawn from the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceref.dataset.store import REFERENCE_LISTS
from faceref.files import replacing

COLOURS = ("tab:blue", "tab:green")


def plot_scores(
    rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, Any], path: Path
) -> None:
    """Draw the scores of both lists, with the calibrated thresholds, as a PNG.

    Aggregates only: no face and no name can be read from it, so that it may always be published.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, colour in zip(REFERENCE_LISTS, COLOURS, strict=True):
        scores = [item["score"] for row in rows for item in row[name]]
        if scores:
            axes.hist(
                scores,
                np.linspace(-1, 1, 201).tolist(),
                density=True,
                color=colour,
                alpha=0.5,
                label=f"{name}: {len(scores):,} references",
            )
    for key, style in (("max_similarity", ":"), ("same_person", "-")):
        value = thresholds.get(key, {}).get("value")
        if value is not None:
            label = f"{key.replace('_', ' ')}: {value:.3f}"
            axes.axvline(value, color="black", linestyle=style, label=label)
    axes.set_xlabel("score (refs_hr: cosine of embeddings)")
    axes.set_ylabel("density")
    axes.legend(fontsize=8)
    # No date and no version of matplotlib in the file: equal inputs give equal bytes.
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})
