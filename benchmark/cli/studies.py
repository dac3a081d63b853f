"""The command `facebench study references`. Heavy imports happen inside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from benchmark.cli.options import Device, FaceLimit, TaskName, Threads
from benchmark.cli.train import use_threads
from faceref.cli.group import CommandGroup

if TYPE_CHECKING:
    from benchmark.studies.study import Study

EPILOG = """**Examples**

`facebench study references face_ref --run runs/msrnet --out report` studies one training

`facebench study references face_ref --run runs/msrnet --run runs/on_random` studies several: what
was trained with one kind of references is tested with every other. Train the second with
`facebench train face_ref --method msrnet --references-from random --out runs/on_random`

`facebench study references face_ref --run runs/msrnet --also by_both` adds look-alikes by another
likeness: `faceref build ... --likeness-hr both --likeness-lr both --out by_both`

`facebench study references --file report/studies/NAME.json --out report` draws a page again

Interrupted? Give the same command again: it goes on. `facebench gains` puts trainings side by side.
"""
EXAMPLE = "facebench study references face_ref --run runs/msrnet"
Files = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option(help="A study made before: only draw it. Several times for several."),
]
Runs = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option(help="Folder of a training, or a exported file. Several times for several."),
]


def references(
    face_ref: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="A Face_Ref folder, made by `faceref build`."),
    ] = None,
    run: Runs = None,
    out: Annotated[Path, typer.Option(help="Folder for pages, plots and files.")] = Path("reports"),
    file: Files = None,
    task: TaskName = None,
    split: Annotated[str, typer.Option(help="test or val.")] = "test",
    also: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="The same faces with lists by another likeness; several times."),
    ] = None,
    counts: Annotated[str, typer.Option(help="Numbers of references.")] = "1,2,3,5,8",
    faces: FaceLimit = None,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Do they help? Random, look-alike, same person, the target; K from 0 up; each part off."""
    from faceref.console import need_option

    if file:
        return _draw(file, out)
    need_option("FACE_REF", face_ref is not None, EXAMPLE)
    need_option("--run", bool(run), EXAMPLE)
    from benchmark.studies.references import need_names_apart, parse_counts, study_references
    from faceref.dataset.store import FaceRef

    assert face_ref is not None
    use_threads(threads)
    make = partial(
        study_references,
        FaceRef.open(face_ref),
        task_name=task,
        split=split,
        counts=parse_counts(counts),
        faces=faces,
        also=[FaceRef.open(path) for path in also or ()],
        device=device,
    )
    runs = list(run or ())
    need_names_apart(runs)
    for one in runs:
        _study(one, make, out)


def _study(run: Path, make: Callable[..., Study], out: Path) -> None:
    """One page; the numbers are written before anything is drawn."""
    from benchmark.studies.study import StudyCheckpoint, write
    from faceref.console import progress_bar

    checkpoint = StudyCheckpoint(out / "studies")
    with progress_bar(f"Studying {run}", "faces") as progress:
        found = make(run, progress=progress, checkpoint=checkpoint)
    file = out / "studies" / f"{found.name}.json"
    write(found, file)
    checkpoint.forget()
    _draw([file], out)


def _draw(files: Sequence[Path], out: Path) -> None:
    from benchmark.studies.references_page import write_findings
    from faceref.console import say

    for file in files:
        for path in [file, *write_findings(file, out)]:
            say(str(path))


def add_study(app: typer.Typer) -> None:
    """Register the command."""
    group = typer.Typer(
        cls=CommandGroup,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        help="What a trained method leans on: its references, its parts.",
    )
    group.command(epilog=EPILOG)(references)
    app.add_typer(group, name="study")
