"""The commands that examine: inspect, certify, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.", show_default=False)],
    sheet: Annotated[
        Path, typer.Option(help="Contact sheet to write: .png, .jpg or .webp.")
    ] = Path("contact_sheet.png"),
    split: Annotated[str, typer.Option(help="Split that the probes are from.")] = "test",
    reference_list: Annotated[str, typer.Option(help="refs_lr or refs_hr.")] = "refs_lr",
    probes: Annotated[int, typer.Option(help="Probes on the sheet.", min=1)] = 10,
    attributes: Annotated[
        Path | None,
        typer.Option(
            help="How often references share them: CelebA's list_attr_celeba.txt, or CSV with "
            "image_id."
        ),
    ] = None,
) -> None:
    """Print a set's numbers and draw probes beside their references.

    Example: `faceref inspect face_ref --sheet sheet.png --probes 20`
    """
    import faceref
    from faceref.console import print_table, say

    faces = faceref.open(path)
    shares = None if attributes is None else faces.agreement(attributes, split)
    faces.sheet(split, reference_list, probes, out=sheet)
    summary = faces.summary()
    for table in summary.tables:
        print_table(*table)
    if shares is not None:
        rows = [[name, *(f"{share:.3f}" for share in row)] for name, *row in shares.itertuples()]
        title = "Share of references that agree with their face"
        print_table(title, ["attribute", *shares.columns], rows)
    for note in summary.notes:
        say(note)
    say(f"Contact sheet: {sheet}")


def certify(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.", show_default=False)],
    embedder: Annotated[
        str | None,
        typer.Option(help="insightface or dlib, as in the build: checks identity scores, too."),
    ] = None,
    pack: Annotated[str | None, typer.Option(help="insightface pack of the build.")] = None,
    show: Annotated[int, typer.Option(help="Faults to print at most.", min=1)] = 20,
) -> None:
    """Recheck a set for leaks and wrong claims, from its files alone.

    Example: `faceref certify face_ref && echo no leak`

    Where a claim is false, the images are named and the status is 1.
    """
    import faceref
    from faceref.console import say

    faces = faceref.open(path)
    faults = faceref.certify(faces, embedder, pack)
    for fault in faults[:show]:
        say(fault)
    if len(faults) > show:
        say(f"... and {len(faults) - show:,} more; --show N prints more")
    if faults:
        raise typer.Exit(1)
    checked = faces.manifest["leak_certificate"]["references_checked"]
    say(f"{path}: no leak. {checked:,} references, splits, counts and fingerprint checked.")


def doctor(
    device: Annotated[str, typer.Option(help="cpu or cuda: what the build shall use.")] = "cpu",
    embedder: Annotated[str, typer.Option(help="insightface or dlib.")] = "insightface",
    pack: Annotated[
        str | None,
        typer.Option(help="insightface pack: a folder, or a name. Default: buffalo_l."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the set would be made.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print what a build would use on this machine, and what is wrong.

    Example: `faceref doctor --device cuda`

    Where something is wrong, the way out is named and the status is 1.
    """
    import json

    import faceref
    from faceref.console import print_table, say

    report = faceref.diagnose(device, embedder, pack, out)
    if as_json:
        say(json.dumps(report.as_json(), indent=2))
    else:
        for table in report.tables():
            print_table(*table, numbers=False)
        for line in report.lines():
            say(line)
    if report.faults:
        raise typer.Exit(1)
