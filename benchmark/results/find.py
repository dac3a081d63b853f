"""Which of the leaderboards in a folder of results is meant."""

from __future__ import annotations

from pathlib import Path

from benchmark.results.files import read_all
from benchmark.results.ranking import is_usual
from benchmark.results.result import LeaderboardKey, Result, leaderboards
from faceref.errors import FaceRefError


def find_leaderboard(results: Path, budget: str, task: str) -> tuple[LeaderboardKey, list[Result]]:
    """The leaderboard of `task` and `budget`: of the task's split and of most faces.

    An empty `task` is the only one of that budget. Raises FaceRefError where there is none, or
    where an empty task leaves a choice.
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
    if len({key.task for key in found}) > 1:
        raise FaceRefError(f"Several tasks have the budget {budget!r}: {known}. Give --task.")
    key = max(found, key=lambda one: (is_usual(one), one.images))
    return key, every[key]
