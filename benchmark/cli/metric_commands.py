"""Commands about metrics: the weights they need, and whose face an output is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from benchmark.cli.options import Device, FaceLimit
from faceref.cli.group import CommandGroup

weights_app = typer.Typer(
    cls=CommandGroup, help="Weights that metrics need: list them, fetch them, check them."
)


@weights_app.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """List the weights, what needs them and whether they are here."""
    if context.invoked_subcommand is not None:
        return
    from benchmark.metrics import weights
    from faceref.console import say

    say(f"In {weights.folder()}")
    for found in weights.WEIGHTS.values():
        say(f"{found.name}: {weights.state(found.name)}, for {', '.join(found.metrics)}")
        say(f"  {found.url}, {weights.megabytes(found)} MB")
        say(f"  SHA-256 {found.sha256}")
        say(f"  {found.licence}")
    for name, reason in weights.NEVER.items():
        say(f"{name}: not available. {reason}")
    say("Get one: facebench weights fetch NAME; without a network: --from DIR")


@weights_app.command(epilog="**Example:** `facebench weights fetch squeezenet`")
def fetch(
    name: Annotated[str, typer.Argument(help="See `facebench weights`.")],
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--from", help="Folder that holds the file: no network is used."),
    ] = None,
) -> None:
    """Fetch a file of weights and check its SHA-256; a right file that is here stays."""
    from benchmark.metrics import weights
    from faceref.console import say

    say(f"{weights.fetch(name, source)}: SHA-256 as published")


def identity(
    face_ref: Annotated[Path, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")],
    method: Annotated[str, typer.Option("--method", "-m", help="See `facebench methods`.")],
    run: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of the method's training."),
    ] = None,
    references: Annotated[int, typer.Option(help="References given, 0 to 8.", min=0)] = 5,
    reference_list: Annotated[str, typer.Option("--list", help="refs_hr or refs_lr.")] = "refs_hr",
    faces: FaceLimit = None,
    embedder: Annotated[
        str, typer.Option(help="insightface or dlib; not the mining one.")
    ] = "dlib",
    pack: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="insightface model pack."),
    ] = None,
    device: Device = "cpu",
) -> None:
    """Whose face the output is: identity, landmarks, and what was taken from the references."""
    from benchmark.evaluation.evaluate import Setting, default_task
    from benchmark.evaluation.likeness import likeness
    from faceref.console import say
    from faceref.dataset.face_ref import FaceRef
    from faceref.embed.registry import open_embedder

    task = default_task(FaceRef.open(face_ref))
    setting = Setting(task, references=references, reference_list=reference_list, faces=faces)
    scorer = open_embedder(embedder, pack=pack, device=device)
    found = likeness(face_ref, method, setting, scorer, run=run, device=device)
    say(", ".join(f"{name} {value:.4f}" for name, value in found.items()))
