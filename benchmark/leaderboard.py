"""The board: Markdown tables, computed from result files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.protocol import TASKS
from benchmark.results import Result, boards, label, read_all
from benchmark.uncertainty import bootstrap_p, interval, ranks, resampled_means
from faceref.errors import FaceRefError

COLUMNS = (
    "method",
    "rank",
    "PSNR-Y [95 %], dB",
    "over bicubic, dB",
    "SSIM-Y",
    "PSNR-RGB",
    "SSIM-RGB",
    "params, M",
    "MACs, G",
    "training, min",
    "ms a face",
)
NOTE = """Higher is better. Faces are made small by Pillow's antialiased bicubic, x8. Scores are
means over faces of 8-bit outputs, no border cut; intervals are bootstrapped over faces, differences
paired face by face. `refs_hr`: references found with the sharp face, an upper bound of retrieval;
`refs_lr`: found with the small face alone. Methods of one board had the same training budget, and
val chose their weights. Rank: 1 and the number of rows whose PSNR-Y is higher beyond chance (paired
bootstrap over faces, Holm's correction over all pairs of the board, 5 %): rows that cannot be told
apart may share a rank."""


def leaderboard(results: Path) -> str:
    """All boards of the results below a folder, as Markdown."""
    found = boards(read_all(results))
    sections = [_section(key, rows) for key, rows in sorted(found.items())]
    return "\n\n".join(["# Leaderboard", NOTE, *sections]) + "\n"


def write_leaderboard(results: Path, out: Path) -> None:
    """Write the boards to `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    temporary.write_text(leaderboard(results), encoding="utf-8")
    temporary.replace(out)


def rows_of(results: Sequence[Result]) -> list[list[str]]:
    """Cells of one board, in the order of `COLUMNS`.

    Raises FaceRefError where results are of other images than the first.
    """
    for result in results:
        if result.images_sha256 != results[0].images_sha256:
            raise FaceRefError(
                f"{label(result)} and {label(results[0])} were scored on different images, so they "
                "cannot share a board. Evaluate both on the same faces."
            )
    scores = np.array([result.scores["psnr_y"] for result in results])
    means = resampled_means(scores)
    places = ranks(scores, bootstrap_p(scores, means))
    bicubic = next((row for row, found in enumerate(results) if found.method == "bicubic"), None)
    return [
        _row(result, places[row], means[:, row], _gain(scores, means, row, bicubic))
        for row, result in enumerate(results)
    ]


def title(key: tuple[str, str, str, int]) -> str:
    """Heading of one board."""
    task, budget, _, _ = key
    name = TASKS[task].title if task in TASKS else task
    return f"{name} (`{task}`, budget `{budget}`)"


def _section(key: tuple[str, str, str, int], results: Sequence[Result]) -> str:
    _, _, revision, images = key
    lines = [f"## {title(key)}", "", f"{images:,} faces, Face_Ref `{revision[:12]}`.", ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows_of(results)]
    return "\n".join(lines)


def _row(result: Result, rank: int, drawn: np.ndarray, gain: str) -> list[str]:
    low, high = interval(drawn)
    means = result.means
    training = result.training
    return [
        label(result),
        str(rank),
        f"{means['psnr_y']:.2f} [{low:.2f}, {high:.2f}]",
        gain,
        f"{means['ssim_y']:.4f}",
        f"{means['psnr_rgb']:.2f}",
        f"{means['ssim_rgb']:.4f}",
        "-" if result.parameters is None else f"{result.parameters / 1e6:.2f}",
        "-" if result.macs is None else f"{result.macs / 1e9:.2f}",
        "-" if training is None else f"{training['seconds'] / 60:.1f}",
        "-" if result.milliseconds is None else f"{result.milliseconds:.1f}",
    ]


def _gain(scores: np.ndarray, means: np.ndarray, row: int, bicubic: int | None) -> str:
    if bicubic is None or row == bicubic:
        return "-"
    low, high = interval(means[:, row] - means[:, bicubic])
    return f"{(scores[row] - scores[bicubic]).mean():+.2f} [{low:+.2f}, {high:+.2f}]"
