"""What is asked of a method: the task, and which references are given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.methods.method import Method
from benchmark.protocol.tasks import PUBLISHED, TASKS, task
from benchmark.results.result import run_name
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import REFERENCE_LISTS
from faceref.errors import FaceRefError


@dataclass(frozen=True)
class Setting:
    """What is asked of a method.

    Example:
        >>> Setting("folder-x8@1", references=3).reference_list
        'refs_lr'
    """

    task: str
    """One of `benchmark.protocol.tasks.TASKS`."""
    split: str = "test"
    references: int = 5
    """References given to methods that take any."""
    reference_list: str = "refs_lr"
    oracle: bool = False
    """Give the HR face itself as the only reference: a check, never a row of a leaderboard."""
    faces: int | None = None
    """Score that many faces, evenly spaced; None scores all."""
    pool: FaceRef | None = None
    """Another set whose train faces serve as references, found with the LR face; None: its own."""

    @property
    def list_name(self) -> str:
        """What results call the references."""
        if self.oracle:
            return "target"
        return self.reference_list if self.pool is None else "refs_elsewhere"


def default_task(face_ref: FaceRef) -> str:
    """The task for a Face_Ref whose user named none: its source's, else `folder-x8@1`."""
    name = f"{face_ref.manifest['source']}-x8@1"
    return name if name in TASKS else "folder-x8@1"


def need_source(face_ref: FaceRef, task_name: str) -> None:
    """Raise FaceRefError where a set is of other faces than a task is about.

    A set of a folder may be of any.
    """
    wanted, found = task(task_name).source, face_ref.manifest["source"]
    if wanted and found in PUBLISHED and found != wanted:
        raise FaceRefError(
            f"{task_name} is about {task(task_name).data}, and {face_ref.root} is of {found}. "
            f"Leave --task out: then it is {default_task(face_ref)}."
        )


def reference_count(method: Method, setting: Setting) -> int:
    """How many references the method gets."""
    return method.given(1 if setting.oracle else setting.references)


def planned_path(
    method: Method, setting: Setting, budget: str | None, seed: int | None, folder: Path
) -> Path:
    """Where the result of a method in a setting will lie below `folder`."""
    count = reference_count(method, setting)
    learns_from_them = method.trained and method.uses_references
    name = run_name(budget, count, given_list(count, setting), learns_from_them, seed)
    return folder / setting.task / method.name / f"{name}.json"


def given_list(count: int, setting: Setting) -> str | None:
    """What results call `count` references; None for none."""
    return setting.list_name if count else None


def settings_of(method: Method, base: Setting) -> Iterator[Setting]:
    """The settings that a method is scored in: both lists, and without references if it can."""
    if not method.uses_references:
        yield base
        return
    for name in REFERENCE_LISTS:
        yield replace(base, reference_list=name)
    if not method.needs_references:
        yield replace(base, references=0)
