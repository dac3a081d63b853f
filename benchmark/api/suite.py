"""Train and evaluate all that a leaderboard needs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.api.arguments import joined, listed, open_set
from faceref.api.arguments import as_path
from faceref.console import progress_bar, say_aside

if TYPE_CHECKING:
    import pandas

    from benchmark.suite.jobs import Suite
    from benchmark.suite.run import Outcome
    from benchmark.training.train import Running
    from faceref.dataset.face_ref import FaceRef


def run_suite(
    budget: str,
    faces: FaceRef | str | Path = "face_ref",
    *,
    out: str | Path = "suite",
    methods: str | Sequence[str] = (),
    seeds: int = 3,
    repeat: str | Sequence[str] = (),
    task: str | None = None,
    references: int = 5,
    limit: int | None = None,
    tune: bool = False,
    metrics: str | Sequence[str] = (),
    embedder: str = "dlib",
    pack: str | Path | None = None,
    minutes: float | None = None,
    device: str = "cpu",
    precision: str = "auto",
    compile: bool = False,
    progress: bool = True,
) -> Outcome:
    """Train and evaluate every method that a leaderboard still lacks.

    What is done is read from the folders in `out`, so the same call goes on after an interruption,
    and several may run at once. A training that was made again replaces its own older results; a
    job whose results there are of another set fails before it is trained, and they stay.

    Args:
        budget: `debug`, `demo`, `small`, `medium` or `full`, see `train`.
        faces: A Face_Ref, or its folder.
        out: Folder of trainings (`runs/`) and results (`results/`).
        methods: Names; empty: all that fit the budget.
        seeds: Trainings of each method of `repeat`.
        repeat: Methods with several seeds.
        task: None: that of the set's source, else `folder-x8@1`.
        references: References given to methods that use any, K, 1 to 8.
        limit: Score that many faces, evenly spaced; None: all.
        tune: Choose each method's learning rate on val first.
        metrics: More metrics than the four of every result, such as `lpips_alex`.
        embedder: For `identity`, `landmarks` and `usage`: `dlib` or `insightface`, other than the
            one that mined.
        pack: insightface model pack.
        minutes: Stop before that time is over, with checkpoints; None: never.
        device: `cpu` or `cuda`.
        precision: `auto`, `bf16` or `fp32`, see `train`.
        compile: Use `torch.compile`.
        progress: Show progress bars.

    Returns:
        The jobs done, those that failed, with the reason, and those that are left.

    Raises:
        FaceRefError: Before anything is trained, for an unknown name, or a metric that lacks what
            it needs.

    Example:
        >>> import benchmark
        >>> outcome = benchmark.run_suite("debug", "face_ref", methods="bicubic,srcnn", out="suite")
        >>> len(outcome.done), len(outcome.failed)
        (2, 0)
    """
    from benchmark.suite.run import carry_on
    from benchmark.training.train import Running, precision_note
    from faceref.outputs.ours import need_outside_of_sets
    from faceref.outputs.writable import need_folder

    need_folder(as_path(out))
    need_outside_of_sets(as_path(out))
    until = None if minutes is None else time.monotonic() + 60 * minutes
    suite = _suite(
        budget, faces, out, methods, seeds, repeat, task, references, limit, tune, metrics,
        Running(device, compile, None, until, precision), embedder, pack,
    )  # fmt: skip
    if progress and (note := precision_note(suite.budget, suite.running)):
        say_aside(note)
    return carry_on(suite, partial(progress_bar, shown=progress))


def suite_status(
    budget: str,
    faces: FaceRef | str | Path = "face_ref",
    *,
    out: str | Path = "suite",
    methods: str | Sequence[str] = (),
    seeds: int = 3,
    repeat: str | Sequence[str] = (),
    task: str | None = None,
    references: int = 5,
    limit: int | None = None,
    tune: bool = False,
    metrics: str | Sequence[str] = (),
) -> pandas.DataFrame:
    """Say how far a suite is; trains and scores nothing.

    Args:
        budget: See `run_suite`, also for what follows.
        faces: A Face_Ref, or its folder.
        out: Folder of the suite.
        methods: Names; empty: all that fit the budget.
        seeds: Trainings of each method of `repeat`.
        repeat: Methods with several seeds.
        task: None: that of the set's source, else `folder-x8@1`.
        references: References given, K.
        limit: Faces scored; None: all.
        tune: Whether learning rates are chosen on val.
        metrics: More metrics than the four of every result.

    Returns:
        A row a job, by its name: `training` (`done`, `missing`, `of other settings`, or steps),
        `seconds`, `val_psnr_y` in dB, `results` and `wanted` (how many there are, and should be),
        `done`, and `note`, why a finished training is not the one that is wanted.
    """
    import pandas

    from benchmark.suite.status import status

    suite = _suite(
        budget, faces, out, methods, seeds, repeat, task, references, limit, tune, metrics
    )
    found = [status(suite, job) for job in suite.jobs]
    steps = suite.budget.steps
    rows = [
        {
            "job": one.job.name,
            "training": one.training(steps),
            "seconds": one.seconds,
            "val_psnr_y": one.val,
            "results": one.results,
            "wanted": one.wanted,
            "done": one.done,
            "note": one.stale,
        }
        for one in found
    ]
    return pandas.DataFrame(rows).set_index("job")


def _suite(
    budget: str,
    faces: FaceRef | str | Path,
    out: str | Path,
    methods: str | Sequence[str],
    seeds: int,
    repeat: str | Sequence[str],
    task: str | None,
    references: int,
    limit: int | None,
    tune: bool,
    metrics: str | Sequence[str],
    running: Running | None = None,
    embedder: str = "dlib",
    pack: str | Path | None = None,
) -> Suite:
    """The suite of these options."""
    from benchmark.evaluation.setting import Setting, default_task, need_source
    from benchmark.protocol import budgets
    from benchmark.protocol.tasks import task as task_of
    from benchmark.suite.jobs import Suite, default_methods, jobs_of
    from benchmark.training.train import Running

    face_ref = open_set(faces)
    setting = Setting(task or default_task(face_ref), references=references, faces=limit)
    need_source(face_ref, setting.task)
    chosen = budgets.budget(budget)
    wanted = listed(methods) or default_methods(budget, task_of(setting.task).scale)
    return Suite(
        face_ref,
        chosen,
        as_path(out),
        jobs_of(wanted, range(seeds), listed(repeat)),
        setting,
        running or Running(),
        tune,
        joined(metrics),
        embedder,
        None if pack is None else str(pack),
    )
