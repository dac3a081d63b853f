"""The commands that examine: inspect, certify, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

FEW_PEOPLE = 50
"""Below which `inspect` warns of shares."""


def inspect(
    path: Annotated[Path, typer.Argument(help="A Face_Ref folder.", show_default=False)],
    sheet: Annotated[
        Path, typer.Option(help="Contact sheet to write: .png, .jpg or .webp.")
    ] = Path("contact_sheet.png"),
    split: Annotated[
        str, typer.Option(help="Split that the probes, and faces with --attributes, are from.")
    ] = "test",
    reference_list: Annotated[str, typer.Option(help="refs_lr or refs_hr.")] = "refs_lr",
    probes: Annotated[int, typer.Option(help="Probes on the sheet.", min=1)] = 10,
    attributes: Annotated[
        Path | None,
        typer.Option(
            help="Table of attributes: print how often references share those of their face. "
            "CelebA's list_attr_celeba.txt, or a CSV with image_id."
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
        _print_agreement(shares, split)
    for note in summary.notes:
        say(note)
    say(f"Contact sheet: {sheet}")


def _print_agreement(shares: pd.DataFrame, split: str) -> None:
    """Print what `FaceRef.agreement` found."""
    from faceref.console import print_table, say

    about = shares.attrs
    rows = [[name, *(f"{share:.2f}" for share in row)] for name, *row in shares.itertuples()]
    print_table("Agreement with references", ["attribute", *shares.columns], rows)
    say(f"Agreement: mean over {about['faces']:,} faces of {about['people']:,} people of {split}.")
    if about["people"] < FEW_PEOPLE:
        more = "" if split == "train" else ": --split train has more of them"
        say(f"Of fewer than {FEW_PEOPLE} people such shares may be chance{more}.")
    if about["left_out"]:
        names = ", ".join(f"{name} ({count:,})" for name, count in about["left_out"].items())
        say(f"Left out, by their number of values: {names}.")


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
    known = "no leak, as far as people are known" if faces.people_are_guessed else "no leak"
    say(f"{path}: {known}. {checked:,} references, splits, counts and fingerprint checked.")
    if faces.people_are_guessed:
        say("\n".join(faces.manifest.get("people", {}).get("notes", [])[-1:]))


def doctor(
    device: Annotated[str, typer.Option(help="cpu or cuda: what the build shall use.")] = "cpu",
    embedder: Annotated[str, typer.Option(help="insightface or dlib.")] = "insightface",
    pack: Annotated[
        str | None,
        typer.Option(help="insightface pack: a folder, or a name. Default: buffalo_l."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the set would be made.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
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
