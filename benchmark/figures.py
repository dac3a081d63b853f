"""Every board and figure of a folder of results, from the files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.formats import write_board
from benchmark.paired_plots import distributions, win_matrix
from benchmark.plots import quality_against_cost, reference_curve, validation_curves
from benchmark.result_files import read_all
from benchmark.results import Result, boards, is_variant
from benchmark.standing import BoardKey, board_name, board_title

ENDS = ("cost", "distribution", "wins", "val", "references")
"""How the names of a board's figures end."""


def draw(folder: Path, out: Path) -> list[Path]:
    """Board and figures of the results below `folder`, in `out`; returns what was written."""
    made = [out / "leaderboard.md"]
    write_board(folder, made[0], "md")
    for key, rows in boards(read_all(folder)).items():
        made += _draw_board(key, rows, out / "figures")
    return made


def _draw_board(key: BoardKey, rows: Sequence[Result], folder: Path) -> list[Path]:
    """Figures of one board, each as PNG and PDF; parts changed are drawn by `gain_page`."""
    rows = [row for row in rows if not is_variant(row, rows)]
    title, name = board_title(key), board_name(key)
    files = {end: folder / f"{name}-{end}.png" for end in ENDS}
    quality_against_cost(rows, files["cost"], title)
    distributions(rows, files["distribution"], title)
    win_matrix(rows, files["wins"], title)
    drawn = ["cost", "distribution", "wins"]
    if any(row.training for row in rows):
        validation_curves(rows, files["val"])
        drawn.append("val")
    if reference_curve(rows, files["references"], title):
        drawn.append("references")
    return [files[end].with_suffix(form) for end in drawn for form in (".png", ".pdf")]
