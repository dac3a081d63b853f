"""The page that answers whether references help, from result and study files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.methods.registry import load_method, method_names
from benchmark.metrics.registry import METRICS
from benchmark.protocol.budgets import split_budget
from benchmark.report.forest_plot import draw_differences
from benchmark.results.caveats import caveats_of
from benchmark.results.find import find_leaderboard
from benchmark.results.ranking import leaderboard_name, leaderboard_title
from benchmark.results.result import LeaderboardKey, Result, label, seed_spread
from benchmark.studies.gains import (
    GIVEN,
    METHOD,
    TRAININGS_NOTE,
    Difference,
    against_rivals,
    by_ablation,
    by_references,
    differences,
    examined,
    ladder,
    over_trainings,
    shown_metrics,
    table,
    trainings_table,
)
from benchmark.studies.study import Study, read
from faceref.errors import FaceRefError
from faceref.files import write_text
from faceref.markdown import markdown_table

ABLATIONS = (
    "PSNR-Y with references found with the LR face, what that is over the whole method's, and "
    "what the references give: over K = 0 of the same training. Intervals are over people; a row "
    "is the mean of so many seeds."
)


def ablations(leaderboard: Sequence[Result], method: str = METHOD) -> list[str]:
    """Markdown: each variant on the leaderboard with its idea, best first, and what seeds differ
    by.

    Empty where the leaderboard has no variant.
    """
    known = load_method(method).variants if method in method_names() else ()
    ideas = {f"{method}-{variant.name}": variant.idea for variant in known}
    ideas[method] = "the whole"
    rows = {row.method: row for row in leaderboard if row.method in ideas and row.references == 0}
    alone = dict(rows)
    rows |= {row.method: row for row in leaderboard if row.method in ideas and _given(row)}
    if method not in rows or len(rows) < 2:
        return []
    others = [rows[name] for name in rows if name != method]
    over = _by_row(others, [(row, rows[method]) for row in others])
    both = [row for row in rows.values() if _given(row) and row.method in alone]
    gains = _by_row(both, [(row, alone[row.method]) for row in both])
    head = ["method", "what it is", "seeds", "PSNR-Y", "over the whole", "by its references"]
    cells = [
        [
            f"`{row.method}`",
            ideas[row.method],
            str(max(1, len(row.repeats))),
            f"{row.means[METRICS[0]]:.3f}",
            _cell(over.get(row.method)),
            _cell(gains.get(row.method)),
        ]
        for row in sorted(rows.values(), key=lambda row: -row.means[METRICS[0]])
    ]
    lines = markdown_table(head, cells, "llrrrr")
    spread = [seed_spread(row, METRICS[0]) for row in rows.values()]
    measured = [one for one in spread if one is not None]
    if measured:
        lines += ["", f"Standard deviation between seeds: at most {max(measured):.3f} dB."]
    return lines


def _given(row: Result) -> bool:
    return row.reference_list == GIVEN[0]


def _by_row(rows: Sequence[Result], pairs: list[tuple[Result, Result]]) -> dict[str, Difference]:
    found = differences(pairs, METRICS[:1])
    return {row.method: one for row, one in zip(rows, found, strict=True)}


def _cell(one: Difference | None) -> str:
    if one is None:
        return "-"
    return f"{one.text()}{one.aside}"


COUNT = 5
NOTE = (
    "Differences are paired face by face. Each cell holds the mean, its 95 % bootstrap interval "
    "over people, and p, corrected for the number of lines (Holm). A row of several seeds is their "
    "mean. `refs_lr`: references found with the LR face; `refs_hr`: references found with the HR "
    "face, which nobody has in use. Neither the interval nor p includes what another seed would "
    "change. For rows with several seeds, the section `Over trainings` does."
)


def write_gains(
    results: Path, studies: Path, out: Path, budget: str, task: str, method: str = METHOD
) -> list[Path]:
    """Write the page and its figure into `out`; returns their paths.

    Raises FaceRefError where there is no leaderboard of that task and budget, where `method` is not
    on it, and where there is nothing to compare it with.
    """
    key, leaderboard = find_leaderboard(results, budget, task)
    where = f"the leaderboard of --task {key.task} and --budget {key.budget}"
    names = sorted({row.method for row in leaderboard})
    if method not in names:
        raise FaceRefError(f"--method {method} is not on {where}. On it: {', '.join(names)}.")
    if not sections(leaderboard, method):
        raise FaceRefError(
            f"Nothing to compare {method} with: {where} has no rival of it, and no method that was "
            "scored with references and without. Evaluate one with --references 5 and with "
            f"--references 0, or name another --method of {', '.join(names)}."
        )
    name = gains_name(key, method)
    figure = out / "figures" / f"{name}.png"
    made = draw_gains(key, leaderboard, figure, method)
    page = out / f"{name}.md"
    found = studies_of(studies, key[0], budget)
    text = gains_markdown(key, leaderboard, found, figure.relative_to(out), method)
    write_text(page, text)
    return [page, *made]


def gains_name(key: LeaderboardKey, method: str = METHOD) -> str:
    """Name of the page and of its figure, without an ending."""
    return f"{leaderboard_name(key)}-gain-of-{method}"


def studies_of(folder: Path, task: str, budget: str) -> list[Study]:
    """The studies of a task and budget on test, trainings on other references included, by name."""
    found = [read(path) for path in sorted(folder.glob("*.json"))]
    return [
        study
        for study in found
        if study.task == task and study.split == "test" and split_budget(study.budget)[0] == budget
    ]


def gains_markdown(
    key: LeaderboardKey,
    leaderboard: Sequence[Result],
    studies: Sequence[Study],
    figure: Path,
    method: str = METHOD,
) -> str:
    """The page."""
    metrics, found = shown_metrics(leaderboard), sections(leaderboard, method)
    mine = examined(leaderboard, method)
    lines = [
        "# Do other people's faces help?"
        if mine is None or mine.uses_references
        else f"# {label(mine)} against others",
        "",
        f"{leaderboard_title(key)}, {key[3]:,} faces, Face_Ref `{key[2][:12]}`. {NOTE}",
    ]
    for title, pairs in found:
        lines += ["", f"## {title}", "", *table(differences(pairs, metrics), metrics)]
    trainings = over_trainings([pair for _, pairs in found for pair in pairs])
    if trainings:
        lines += ["", "## Over trainings", "", TRAININGS_NOTE, "", *trainings_table(trainings)]
    lines += ["", f"![{figure.stem}]({figure.as_posix()})"]
    for note in caveats_of(leaderboard):
        lines += ["", note]
    variants = ablations(leaderboard, method)
    if variants:
        lines += ["", "## Ablations", "", ABLATIONS, "", *variants]
    if studies:
        lines += [
            "",
            f"## By kind of reference, K = {COUNT}",
            "",
            "Gain in PSNR-Y over K = 0 of the same training, dB. The faces are those of test "
            "whose person has another image in test. Each column is one training. While it was "
            "trained, its references came from both lists (`refs_hr` and `refs_lr`), unless the "
            "column says otherwise.",
            "",
            *ladder(studies, COUNT),
        ]
    return "\n".join(lines) + "\n"


def sections(
    leaderboard: Sequence[Result], method: str = METHOD
) -> list[tuple[str, list[tuple[Result, Result]]]]:
    """Title and pairs of each table that has any."""
    mine = examined(leaderboard, method)
    name, title = (label(mine), mine.title) if mine else (method, method)
    found = [
        (f"{name} against its rivals", against_rivals(leaderboard, method)),
        ("Each method with and without references", by_references(leaderboard, method)),
        (f"Ablations of {title}, against the whole", by_ablation(leaderboard, method)),
    ]
    return [(title, pairs) for title, pairs in found if pairs]


def draw_gains(
    key: LeaderboardKey, leaderboard: Sequence[Result], out: Path, method: str = METHOD
) -> list[Path]:
    """All differences of PSNR-Y, one line each. PNG and PDF."""
    every: list[Difference] = []
    for _, pairs in sections(leaderboard, method):
        every += differences(pairs, METRICS[:1])
    found = list({one.name: one for one in reversed(every)}.values())[::-1]
    names = [one.name for one in found]
    return draw_differences(names, found, out, leaderboard_title(key).replace("`", ""), METRICS[0])
