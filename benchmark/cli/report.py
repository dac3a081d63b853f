"""The commands that read results: leaderboard, plot, site, validate, card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import MORE, ReferenceList, Results

PLOT = """**Examples**

`facebench plot results --out report` draws leaderboards and figures from result files

`facebench plot results --out report --face-ref face_ref --runs runs` also draws faces: LR, each
method, HR and references
"""
SITE = """**Examples**

`facebench site results --out site --face-ref face_ref --runs runs`

`facebench site results --out site --serve` shows it in the browser; images that are there stay
"""
VALIDATE = """**Examples**

`facebench validate results` checks every result below a folder

`facebench validate theirs/small-s0.json --face-ref face_ref` checks one that somebody sent, and
that its images are those of the split
"""
CARD = """**Examples**

`facebench card results --method msrnet --licence cc-by-nc-4.0 --out MODEL_CARD.md`

`facebench card results --method edsr --licence mine --licence-link https://example.org/terms`
"""
Runs = Annotated[Path, typer.Option(help="Folder with one training a method.")]
Shown = Annotated[str, typer.Option(help="Methods, by commas; default: all that can be shown.")]


def leaderboard(
    results: Results,
    form: Annotated[str, typer.Option("--format", help="md, csv, latex or yaml.")] = "md",
    out: Annotated[
        Path | None, typer.Option(help="File; default: leaderboard with the format's ending.")
    ] = None,
) -> None:
    """Rank the results of a folder and write the leaderboard.

    Example: `facebench leaderboard results --format latex`
    """
    import benchmark
    from faceref.console import say

    say(benchmark.leaderboard(results).write(out, form))


def plot(
    results: Results,
    out: Annotated[Path, typer.Option(help="Folder for leaderboard and figures.")] = Path("report"),
    face_ref: Annotated[Path | None, typer.Option(help="Face_Ref to draw faces from.")] = None,
    runs: Runs = Path("runs"),
    methods: Shown = "",
    reference_list: ReferenceList = "refs_lr",
    rows: Annotated[int, typer.Option(help="Faces to draw.", min=1)] = 8,
) -> None:
    """Draw quality against cost, validation curves and, with --face-ref, faces.

    Example: `facebench plot results --out report`
    """
    import benchmark
    from faceref.console import say

    made = benchmark.plot(
        results,
        out=out,
        faces=face_ref,
        runs=runs,
        methods=methods,
        reference_list=reference_list,
        rows=rows,
    )
    say("\n".join(map(str, made)))


def site(
    results: Results,
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("site"),
    face_ref: Annotated[
        Path | None, typer.Option(help="Face_Ref of the embedded sample, for the images.")
    ] = None,
    runs: Runs = Path("runs"),
    methods: Shown = "",
    reference_list: ReferenceList = "refs_lr",
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in the browser; Ctrl-C ends.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="0 takes a free one.", min=0, max=65535, rich_help_panel=MORE)
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser.", rich_help_panel=MORE)] = True,
) -> None:
    """Write a page: sortable leaderboards, protocols and, with --face-ref, images.

    Example: `facebench site results --out site --serve`
    """
    import benchmark
    from faceref.console import say

    say(
        benchmark.write_site(
            results,
            out=out,
            faces=face_ref,
            runs=runs,
            methods=methods,
            reference_list=reference_list,
        )
    )
    if serve:
        benchmark.serve_site(out, port=port, browser=browser)


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Result files, or folders of them.")],
    face_ref: Annotated[
        Path | None, typer.Option(help="The Face_Ref that they must be of.")
    ] = None,
) -> None:
    """Check results: hashes, numbers, means, image ids; status 1 where any is wrong.

    Example: `facebench validate results`
    """
    import benchmark
    from faceref.console import say

    found = benchmark.validate(paths, face_ref)
    say("\n".join(f"{path}: {wrong or 'sound'}" for path, wrong in found.items()))
    bad = sum(wrong is not None for wrong in found.values())
    say(f"{len(found)} results, {bad} of them wrong.")
    if bad:
        raise typer.Exit(1)


def card(
    results: Results,
    method: Annotated[str, typer.Option("--method", "-m", help="Method of the weights.")],
    licence: Annotated[
        str, typer.Option("--licence", "--license", help="Licence of the weights: cc-by-4.0, ...")
    ],
    licence_link: Annotated[
        str | None,
        typer.Option(
            "--licence-link",
            "--license-link",
            help="Address of the licence text, if the Hub has no id for the licence.",
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Start of the weights' SHA-256, if results are of several.")
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("MODEL_CARD.md"),
) -> None:
    """Write the model card of exported weights, from the results alone.

    Example: `facebench card results --method msrnet --licence cc-by-nc-4.0`
    """
    import benchmark
    from faceref.console import say

    say(
        benchmark.write_model_card(
            results, method, licence=licence, licence_link=licence_link, weights=weights, out=out
        )
    )
