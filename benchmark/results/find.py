"""Which of several results, or of their leaderboards, is meant."""

from __future__ import annotations

from pathlib import Path

from benchmark.results.files import read, read_all
from benchmark.results.paired import Paired, paired_results
from benchmark.results.ranking import is_usual, need_scores, without_number
from benchmark.results.result import LeaderboardKey, Result, label, leaderboards
from faceref.api.arguments import as_path
from faceref.console import say_aside
from faceref.errors import FaceRefError


def find_leaderboard(
    results: Path, budget: str, task: str, data: str = ""
) -> tuple[LeaderboardKey, list[Result]]:
    """The leaderboard of `task` and `budget`: of the task's split and of most faces.

    An empty `task` is the only one of that budget; `data` is a data revision, where only results on
    one set are meant. Raises FaceRefError where there is none, or where an empty task leaves a
    choice. Where results are on several sets, a line says which one is taken.
    """
    every = leaderboards(read_all(results))
    found = [key for key in every if key.budget == budget and task in ("", key.task)]
    known = ", ".join(sorted({f"{key.task} {key.budget}" for key in every}))
    if not found:
        wanted = f"task {task!r} and budget {budget!r}" if task else f"budget {budget!r}"
        raise FaceRefError(
            f"No leaderboard of {wanted} in {results}. There are, with task and budget: {known}. "
            "Give --task and --budget of one of them."
        )
    here = [key for key in found if data in ("", key.data_revision)]
    if not here:
        tasks = ", ".join(sorted({key.task for key in found}))
        raise FaceRefError(
            f"No result of {tasks} in {results} is on the set of data {data[:12]}. Give the set "
            "that was scored, or --task and --budget of another leaderboard."
        )
    if len({key.task for key in here}) > 1:
        raise FaceRefError(f"Several tasks have the budget {budget!r}: {known}. Give --task.")
    key = max(here, key=lambda one: (is_usual(one), one.images))
    others = sorted({one.data_revision[:12] for one in here} - {key.data_revision[:12]})
    if others:
        say_aside(
            f"Results in {results} are on several sets. Taken: {key.images:,} faces of data "
            f"{key.data_revision[:12]}; left out: {', '.join(others)}. Keep results of another set "
            "in a folder of their own."
        )
    return key, every[key]


def compare_results(result: Result | str | Path, rival: Result | str | Path, metric: str) -> Paired:
    """See `benchmark.compare`."""
    ours, theirs = (
        one if isinstance(one, Result) else read(as_path(one)) for one in (result, rival)
    )
    need_scores([ours, theirs], metric)
    where = [(one.task, one.images_sha256, one.data_revision) for one in (ours, theirs)]
    if where[0] != where[1]:
        each = (
            f"{one.images:,} of {one.task} {one.split}, data {one.data_revision[:12]}"
            for one in (ours, theirs)
        )
        raise FaceRefError(
            f"{label(ours)} and {label(theirs)} were scored on different tasks or faces: "
            f"{', and '.join(each)}. Evaluate both on the same."
        )
    if (lacking := int(without_number([ours, theirs], metric).sum())) > 0:
        raise FaceRefError(f"{lacking:,} faces have no number of {metric!r} in one of the results.")
    return paired_results(ours, theirs, metric)
