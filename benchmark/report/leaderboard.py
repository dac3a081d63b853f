"""The leaderboard, computed once from result files and written in every form that others read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.metrics.registry import METRICS, MetricInfo
from benchmark.protocol.tasks import SCALE, TASKS
from benchmark.report.latex import LATEX_NOTE, latex_table
from benchmark.report.model_index import model_index
from benchmark.report.table import Table, html_section, markdown_section
from benchmark.results.files import read_all
from benchmark.results.ranking import (
    RankedRow,
    Value,
    is_usual,
    metrics_of,
)
from benchmark.results.result import LeaderboardKey, Result, leaderboards, seed_spread
from faceref.api.arguments import as_path
from faceref.errors import FaceRefError, unknown_choice
from faceref.files import write_text
from faceref.outputs.ours import need_new_or_ours
from faceref.outputs.writable import need_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

NOTE = """\
Higher is better. LR faces are made by Pillow's antialiased bicubic, x8 or as the task says. Scores
are means over faces, of 8-bit outputs with no border cut. Intervals are bootstrapped over people:
faces of one person are drawn together, where image ids say whose they are. Those of CelebA do not,
so there each face is drawn on its own, and intervals are too narrow. Differences are paired face by
face. `refs_hr`: references found with the HR face, which nobody has in use; `refs_lr`: references
found with the LR face alone; `refs_elsewhere`: the same, but in another set. All methods that were
trained here had the same training budget, and their weights were chosen on val. Seeds: a row of
several trainings is their mean, face by face, with the standard deviation of their PSNR-Y; its
intervals are still over people. Rank: one more than the number of rows whose PSNR-Y is higher
beyond chance (paired bootstrap over people, Holm's correction over all pairs of the leaderboard,
5 %). So rows that cannot be told apart may share a rank. Rows that share some trainings are
compared over these alone. A metric that some rows do not have carries an arrow, which says whether
higher or lower is better. `-`: not scored."""
ENDINGS = {"md": "md", "csv": "csv", "latex": "tex", "yaml": "yaml"}
"""How files of each form end, by the name that `facebench leaderboard --format` takes."""
_MARKS = {
    "md": "# Leaderboard\n\nHigher is better.",
    "csv": "task,budget,data_revision,",
    "latex": LATEX_NOTE[:35],
    "yaml": "model-index:",
}
"""What is in every file that we write in that form, and in few others."""
_CSV_DIGITS = 5


def _order(key: LeaderboardKey) -> tuple[bool, bool, LeaderboardKey]:
    """What leaderboards are sorted by: x8 first, and what was trained where it is tested."""
    known = TASKS.get(key[0])
    return (
        (False, False, key)
        if known is None
        else (
            known.scale != SCALE,
            bool(known.trained_on),
            key,
        )
    )


class Leaderboard:
    """The leaderboards of some results: a table for each task, budget and set of faces."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tuple(tables)
        """Sorted by task and budget."""

    @classmethod
    def of(cls, results: str | Path | Result | Sequence[Result]) -> Leaderboard:
        """The leaderboards of the result files below a folder, or of results.

        Args:
            results: Folder of result files, or results already read.

        Returns:
            The leaderboards: x8, the main question, first; then by task and budget.

        Raises:
            FaceRefError: Where there is no result, a file cannot be read, or two results are of one
                run on one set.
        """
        given = [results] if isinstance(results, Result) else results
        read = read_all(as_path(given)) if isinstance(given, (str, Path)) else given
        if not read:
            raise FaceRefError("No results: give some of benchmark.evaluate, or their folder.")
        counts = Counter((row.path(Path()), row.data_revision) for row in read)
        twice = next((path for (path, _), count in counts.items() if count > 1), None)
        if twice is not None:
            raise FaceRefError(
                f"Two of the results are of one run, {twice.with_suffix('')}. Give one of them, or "
                "evaluate the other under another name."
            )
        found = leaderboards(read).items()
        return cls([Table(*item) for item in sorted(found, key=lambda item: _order(item[0]))])

    def __len__(self) -> int:
        """Rows of all tables."""
        return sum(len(table.results) for table in self.tables)

    def select(self, task: str | None = None, budget: str | None = None) -> Leaderboard:
        """Only the tables of a task, a budget, or both.

        Args:
            task: Name with version, such as `lfw-x8@1`.
            budget: Such as `small`.

        Returns:
            The leaderboards that are left.

        Raises:
            FaceRefError: Where there is none, with those that there are.
        """
        found = [t for t in self.tables if task in (None, t.key[0]) and budget in (None, t.key[1])]
        if not found:
            known = ", ".join(sorted({f"{table.key[0]} {table.key[1]}" for table in self.tables}))
            raise FaceRefError(
                f"No leaderboard of task {task!r} and budget {budget!r}. There are: {known}."
            )
        return Leaderboard(found)

    def to_dataframe(self) -> DataFrame:
        """All tables as one, a row a method and leaderboard, best first; nothing is rounded.

        Returns:
            A pandas DataFrame. `task`, `budget`, `data_revision`, `images`, `split` name the
            leaderboard; `method`, `name`, `references` (K), `list` and `variant` the row. For each
            metric, such as `psnr_y` in dB, its mean over faces, `_low` and `_high` of the 95 %
            bootstrap interval, and `_rank`. `over_bicubic`, in dB, is the paired gain of PSNR-Y.
            `parameters` and `macs` (of one face) are numbers, `training_seconds` and
            `milliseconds` (of one face) times, `psnr_y_std` the standard deviation over seeds in
            dB. `seeds` and `weights_sha256` hold one for each training, between spaces. What is not
            known is missing (NA).
        """
        import pandas as pd

        facts = metrics_of([row for table in self.tables for row in table.results])
        frame = pd.DataFrame(
            [_record(table, row, facts) for table in self.tables for row in table.rows],
            columns=[*_ABOUT, *(f"{m.name}{part}" for m in facts for part in _PARTS), *_REST],
        )
        whole = ["parameters", "macs", *(f"{metric.name}_rank" for metric in facts)]
        return frame.astype(dict.fromkeys(whole, "Int64"))

    def to_csv(self) -> str:
        """`to_dataframe` as CSV, means and intervals rounded to five digits."""
        frame = self.to_dataframe()
        ends = ("_low", "_high")
        scores = [name.removesuffix("_low") for name in frame.columns if name.endswith("_low")]
        rounded = [f"{score}{end}" for score in scores for end in ("", *ends)]
        frame[rounded] = frame[rounded].astype(float).map(partial(round, ndigits=_CSV_DIGITS))
        return frame.to_csv(index=False, lineterminator="\n")

    def to_markdown(self) -> str:
        """The page `leaderboard.md`: what the numbers mean, then every table."""
        return "\n\n".join(["# Leaderboard", NOTE, *map(markdown_section, self.tables)]) + "\n"

    def to_latex(self) -> str:
        """A `table` for each leaderboard, best in bold and second underlined; needs booktabs."""
        return "\n".join(latex_table(table.key, table.rows) for table in self.tables)

    def to_yaml(self) -> str:
        """The `model-index` of Hugging Face model cards, a model for each method and training."""
        return model_index([row for table in self.tables for row in table.results])

    def write(self, out: str | Path | None = None, form: str = "md") -> str:
        """Write the leaderboards to a file.

        Args:
            out: The file; None: `leaderboard` with the ending of the form, in this folder.
            form: One of `ENDINGS`: md, csv, latex or yaml.

        Returns:
            The text.

        Raises:
            FaceRefError: For another form, and where `out` cannot be written or is not ours.
        """
        forms = {
            "md": self.to_markdown,
            "csv": self.to_csv,
            "latex": self.to_latex,
            "yaml": self.to_yaml,
        }
        if form not in forms:
            raise unknown_choice("format", form, ENDINGS)
        file = as_path(out or f"leaderboard.{ENDINGS[form]}")
        said = next((f for f, ending in ENDINGS.items() if file.suffix == f".{ending}"), form)
        if said != form:
            raise FaceRefError(
                f"--out {file} is named as {said}, and the format is {form}. Give --format {said}, "
                f"or a name that ends in .{ENDINGS[form]}."
            )
        need_new_or_ours(file, _MARKS[form])
        text = forms[form]()
        write_text(file, text)
        return text

    def plot(self, out: str | Path | None = None) -> Figure:
        """Draw quality against cost: PSNR-Y over multiply-adds, parameters and time.

        Of several leaderboards the one with the most rows is drawn; `select` chooses another.

        Args:
            out: PNG to write, with a PDF beside it; None writes nothing.

        Returns:
            The matplotlib figure.

        Raises:
            FaceRefError: Where `out` cannot be written.
        """
        from benchmark.report.plots import quality_against_cost
        from benchmark.report.style import MAKER, save_figure

        file = None if out is None else as_path(out)
        if file is not None:
            need_file(file, endings=(".png",))
            for path in (file, file.with_suffix(".pdf")):
                need_new_or_ours(path, MAKER)
        table = max(self.tables, key=lambda one: (is_usual(one.key), len(one.results)))
        figure = quality_against_cost(table.without_variants, table.title)
        if file is not None:
            save_figure(figure, file)
        return figure

    def draw(self, out: str | Path) -> list[Path]:
        """Write `leaderboard.md` and, in `figures/`, every figure of every leaderboard.

        Args:
            out: Folder.

        Returns:
            What was written; each figure is there as PNG and PDF.

        Raises:
            FaceRefError: Where `out` cannot be written.
        """
        from benchmark.report.plots import draw_leaderboard

        out = as_path(out)
        page = out / "leaderboard.md"
        self.write(page)
        made = [page]
        for table in self.tables:
            folder = out / "figures"
            made += draw_leaderboard(table.without_variants, table.title, folder, table.name)
        return made

    def _repr_html_(self) -> str:
        """The tables as a notebook shows them."""
        return "".join(map(html_section, self.tables))


_ABOUT = (
    *LeaderboardKey._fields,
    *("method", "name", "references", "list", "variant"),
)
_PARTS = ("", "_low", "_high", "_rank")
_REST = (
    *("over_bicubic", "over_bicubic_low", "over_bicubic_high", "psnr_y_std"),
    *("parameters", "macs", "training_seconds", "milliseconds", "seeds", "weights_sha256"),
)


def _record(table: Table, row: RankedRow, facts: Sequence[MetricInfo]) -> list[Any]:
    """Cells of one row, in the order of the columns of `to_dataframe`."""
    result, training = row.result, row.result.training or {}
    cells = [*table.key, result.method, row.name, result.references, result.reference_list]
    cells.append(table.is_variant(result))
    for metric in facts:
        value = row.values.get(metric.name)
        cells += [*_ends(value), value.rank if value else None]
    cells += [*_ends(row.gain), seed_spread(result, METRICS[0])]
    cells += [result.parameters, result.macs, training.get("seconds"), result.milliseconds]
    runs = [run for run in result.single_seeds if run.training is not None]
    cells.append(" ".join(str(run.seed) for run in runs))
    return [*cells, " ".join((run.training or {})["weights_sha256"] for run in runs)]


def _ends(value: Value | None) -> list[float | None]:
    return [None] * 3 if value is None else [value.mean, value.low, value.high]
